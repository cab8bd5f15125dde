import { SpiffeId, TrustDomain } from "@weftmesh/cert";
import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";

const td = TrustDomain.parse("td.test");
const a = (length: number): string => "a".repeat(length);

describe("a SPIFFE ID", () => {
  test.each([
    { text: "", expected: "ERR_CERT_ID_EMPTY" },
    { text: "SPIFFE://td.test/w", expected: "ERR_CERT_ID_SCHEME" },
    { text: "spiffe:///w", expected: "ERR_CERT_ID_NO_TRUST_DOMAIN" },
    { text: "spiffe://td.test:80/w", expected: "ERR_CERT_ID_TRUST_DOMAIN_CHAR" },
    { text: `spiffe://${a(256)}`, expected: "ERR_CERT_ID_TRUST_DOMAIN_LENGTH" },
    { text: "spiffe://td.test/a%20b", expected: "ERR_CERT_ID_PATH_CHAR" },
    { text: "spiffe://td.test//w", expected: "ERR_CERT_ID_EMPTY_SEGMENT" },
    { text: "spiffe://td.test/../w", expected: "ERR_CERT_ID_DOT_SEGMENT" },
    { text: "spiffe://td.test/w/", expected: "ERR_CERT_ID_TRAILING_SLASH" },
    { text: `spiffe://td.test/${a(2032)}`, expected: "ERR_CERT_ID_LENGTH" },
  ])("$text is refused", ({ text, expected }) => {
    expect(() => SpiffeId.parse(text)).toThrow(expect.objectContaining({ code: expected, path: "spiffe_id" }));
    expect(SpiffeId.is(text)).toBe(false);
  });

  test.each([{ length: 255 + 9 }, { length: 2048 }])("of $length bytes is as long as allowed", ({ length }) => {
    const text = length > 300 ? `spiffe://td.test/${a(length - 17)}` : `spiffe://${a(255)}`;
    expect(SpiffeId.parse(text).length).toBe(length);
  });

  test("is built of segments, each of them checked", () => {
    expect(SpiffeId.fromSegments(td, "ns", "shop")).toBe("spiffe://td.test/ns/shop");
    expect(() => SpiffeId.fromSegments(td, "a/b")).toThrow(
      expect.objectContaining({ code: "ERR_CERT_ID_PATH_CHAR", path: "segments[0]" }),
    );
    expect(() => SpiffeId.fromPath(td, "w")).toThrow(expect.objectContaining({ code: "ERR_CERT_ID_LEADING_SLASH" }));
  });

  test("is never longer, shorter or other than what was read", () => {
    const part = fc.constantFrom("spiffe://", "td.test", "/", "a", "..", ".", "%", "É", "\u0000", "A", "://", "?");
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 12 }).map((parts) => parts.join("")),
        (text) => {
          const ok = SpiffeId.is(text);
          const wanted =
            /^spiffe:\/\/[a-z0-9._-]{1,255}(\/(?!\.{1,2}(\/|$))[a-zA-Z0-9._-]+)*$/.test(text) && text.length <= 2048;
          expect(ok).toBe(wanted);
        },
      ),
      { seed: 3, numRuns: 5000 },
    );
  });

  test("is a type of its own, and so is a trust domain", () => {
    expectTypeOf<SpiffeId>().toExtend<string>();
    expectTypeOf<string>().not.toExtend<SpiffeId>();
    expectTypeOf<TrustDomain>().not.toExtend<SpiffeId>();
  });
});
