import { CertError, matchPeers, type SanMatcherLike, SpiffeId } from "@weftmesh/cert";
import { describe, expect, test } from "vitest";

const FRONT = SpiffeId.parse("spiffe://shop.example/ns/shop/sa/front");
const REVIEWS = SpiffeId.parse("spiffe://shop.example/ns/shop/sa/reviews");

describe("matchPeers", () => {
  const uri = (matcher: SanMatcherLike["matcher"]): SanMatcherLike => ({ sanType: "URI", matcher });

  // Envoy's StringMatcher, config/type/matcher/v3/string.proto.
  test.each<[string, readonly SanMatcherLike[], readonly [front: boolean, reviews: boolean]]>([
    ["exact", [uri({ exact: FRONT })], [true, false]],
    ["one of several", [uri({ exact: "spiffe://other.example/x" }), uri({ exact: REVIEWS })], [false, true]],
    ["prefix", [uri({ prefix: "spiffe://shop.example/ns/shop/" })], [true, true]],
    ["suffix", [uri({ suffix: "/sa/reviews" })], [false, true]],
    ["contains", [uri({ contains: "/sa/f" })], [true, false]],
    ["case counts", [uri({ suffix: "/SA/FRONT" })], [false, false]],
    ["unless it does not", [uri({ suffix: "/SA/FRONT", ignoreCase: true })], [true, false]],
    ["the enum by its number", [{ sanType: 2, matcher: { exact: FRONT } }], [true, false]],
    ["none", [], [true, true]],
  ])("%s", (_, matchers, expected) => {
    const match = matchPeers({ validationContext: { matchTypedSubjectAltNames: matchers } });
    expect([match(FRONT), match(REVIEWS)]).toEqual(expected);
  });

  test.each<[string, SanMatcherLike, string]>([
    [
      "a DNS name",
      { sanType: "DNS", matcher: { exact: "shop.example" } },
      "tls.validation_context.match_typed_subject_alt_names[1].san_type",
    ],
    [
      "a pattern",
      uri({ safeRegex: { regex: ".*" } }),
      "tls.validation_context.match_typed_subject_alt_names[1].matcher",
    ],
    ["nothing to match", uri(undefined), "tls.validation_context.match_typed_subject_alt_names[1].matcher"],
  ])("%s is refused with its path", (_, matcher, path) => {
    const names = { matchTypedSubjectAltNames: [uri({ exact: FRONT }), matcher] };
    const refused = () => matchPeers({ validationContext: names }, "tls");
    expect(refused).toThrow(CertError);
    expect(refused).toThrow(expect.objectContaining({ code: "ERR_CERT_SAN_MATCHER", path }));
  });

  test("names beside a validation context from SDS count, which is Istio's form", () => {
    const names = { matchTypedSubjectAltNames: [uri({ exact: FRONT })] };
    const match = matchPeers({ combinedValidationContext: { defaultValidationContext: names } });
    expect([match(FRONT), match(REVIEWS)]).toEqual([true, false]);
  });

  test("a context without names, or none at all, lets every member in", () => {
    expect([matchPeers({})(FRONT), matchPeers(undefined)(REVIEWS)]).toEqual([true, true]);
  });
});
