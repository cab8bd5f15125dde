import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  formatBundle,
  parseBundle,
  parseBundleMap,
  supersede,
  type TrustBundle,
  TrustDomain,
  trustBundle,
  verifyJwtSvid,
} from "@weftmesh/cert";
import { describe, expect, test } from "vitest";
import { encodeBase64, encodeBase64Url } from "../../packages/cert/src/base64.js";
import { forge, HOUR, NOW } from "./forge.js";

const td = TrustDomain.parse("td.test");
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
const jwk = (key: KeyObject) => key.export({ format: "jwk" }) as Record<string, string>;
const bundle: TrustBundle = {
  ...trustBundle(td, []),
  jwtAuthorities: [
    { keyId: "ec", jwk: jwk(ec.publicKey) },
    { keyId: "weak", jwk: jwk(weak.publicKey) },
  ],
};
const bundles = new Map([[td, bundle]]);
const encode = (value: unknown): string => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
const seconds = NOW / 1000;
const claims = { sub: "spiffe://td.test/w", aud: ["svc"], exp: seconds + 60 };

function token(payload: object = {}, header: object = {}, key: KeyObject = ec.privateKey): string {
  const signed = `${encode({ alg: "ES256", kid: "ec", ...header })}.${encode({ ...claims, ...payload })}`;
  const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
  return `${signed}.${encodeBase64Url(signature)}`;
}

const outcome = (text: string, audience = ["svc"], now = NOW): string => {
  const verdict = verifyJwtSvid(text, bundles, { audience }, now);
  return verdict.kind === "verified" ? verdict.id : verdict.error.code;
};

describe("a JWT-SVID", () => {
  test.each([
    { name: "that is good passes", text: token(), expected: "spiffe://td.test/w" },
    { name: "of one audience as a string passes", text: token({ aud: "svc" }), expected: "spiffe://td.test/w" },
    { name: "with `none` is refused", text: token({}, { alg: "none" }), expected: "ERR_CERT_JWT_ALGORITHM" },
    { name: "of another type is refused", text: token({}, { typ: "wit+jwt" }), expected: "ERR_CERT_JWT_TYPE" },
    {
      name: "with critical parameters is refused",
      text: token({}, { crit: ["b64"] }),
      expected: "ERR_CERT_JWT_CRITICAL",
    },
    {
      name: "for a trust domain is refused",
      text: token({ sub: "spiffe://td.test" }),
      expected: "ERR_CERT_JWT_SUBJECT",
    },
    {
      name: "of another domain is refused",
      text: token({ sub: "spiffe://other.test/w" }),
      expected: "ERR_CERT_NO_BUNDLE",
    },
    { name: "of another audience is refused", text: token({ aud: ["other"] }), expected: "ERR_CERT_JWT_AUDIENCE" },
    { name: "without audience is refused", text: token({ aud: undefined }), expected: "ERR_CERT_JWT_AUDIENCE" },
    { name: "that is over is refused", text: token({ exp: seconds - 61 }), expected: "ERR_CERT_JWT_EXPIRED" },
    {
      name: "that is over within the leeway passes",
      text: token({ exp: seconds - 60 }),
      expected: "spiffe://td.test/w",
    },
    { name: "that has not begun is refused", text: token({ nbf: seconds + 61 }), expected: "ERR_CERT_JWT_NOT_BEFORE" },
    { name: "from the future is refused", text: token({ iat: seconds + 61 }), expected: "ERR_CERT_JWT_ISSUED_AT" },
    { name: "of an unknown key is refused", text: token({}, { kid: "other" }), expected: "ERR_CERT_JWT_UNKNOWN_KEY" },
    {
      name: "of an RSA algorithm with an EC key is refused",
      text: token({}, { alg: "RS256" }),
      expected: "ERR_CERT_JWT_KEY_ALGORITHM",
    },
    { name: "of a weak key is refused", text: token({}, { alg: "RS256", kid: "weak" }), expected: "ERR_CERT_WEAK_KEY" },
    {
      name: "of another signer is refused",
      text: token({}, {}, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
      expected: "ERR_CERT_JWT_SIGNATURE",
    },
    { name: "of two parts is refused", text: "a.b", expected: "ERR_CERT_JWT_MALFORMED" },
    { name: "of 40 KiB is refused", text: token({ pad: "x".repeat(40_000) }), expected: "ERR_CERT_JWT_MALFORMED" },
  ])("$name", ({ text, expected }) => {
    expect(outcome(text)).toBe(expected);
  });

  test("is refused by a validator that expects no audience, for that would accept all", () => {
    expect(outcome(token(), [])).toBe("ERR_CERT_JWT_EXPECTED_AUDIENCE");
  });

  test("does not show in its error", () => {
    const text = token({ aud: ["other"] });
    const verdict = verifyJwtSvid(text, bundles, { audience: ["svc"] }, NOW);
    expect(JSON.stringify(verdict) + String((verdict as { error?: Error }).error?.stack)).not.toContain(
      text.split(".")[2],
    );
  });
});

describe("a bundle document", () => {
  const root = forge({ ca: true });
  const x509 = {
    use: "x509-svid",
    ...pick(root.certificate.publicKey.bits),
    x5c: [encodeBase64(root.certificate.der)],
  };
  const ecKey = { use: "jwt-svid", kid: "ec", ...jwk(ec.publicKey) };

  function pick(bits: Uint8Array) {
    return { kty: "EC", crv: "P-256", x: encodeBase64Url(bits.subarray(1, 33)), y: encodeBase64Url(bits.subarray(33)) };
  }

  test.each([
    { name: "is JSON", text: "{", expected: "ERR_CERT_JSON" },
    {
      name: "is not deeper than needed",
      text: `{"keys":${"[".repeat(20)}${"]".repeat(20)}}`,
      expected: "ERR_CERT_JSON",
    },
    { name: "names nothing twice", text: '{"keys":[],"keys":[]}', expected: "ERR_CERT_JSON_DUPLICATE" },
    { name: "has keys", text: "{}", expected: "ERR_CERT_BUNDLE_FORMAT" },
    { name: "counts in integers", text: '{"keys":[],"spiffe_sequence":1.5}', expected: "ERR_CERT_BUNDLE_SEQUENCE" },
    {
      name: "counts to 2^64",
      text: '{"keys":[],"spiffe_sequence":18446744073709551616}',
      expected: "ERR_CERT_BUNDLE_SEQUENCE",
    },
    { name: "hints forward", text: '{"keys":[],"spiffe_refresh_hint":-1}', expected: "ERR_CERT_BUNDLE_REFRESH_HINT" },
    {
      name: "names token keys",
      text: JSON.stringify({ keys: [{ ...ecKey, kid: undefined }] }),
      expected: "ERR_CERT_BUNDLE_KEY_ID",
    },
    {
      name: "names WIT keys apart",
      text: JSON.stringify({ keys: [1, 2].map(() => ({ ...ecKey, use: "wit-svid" })) }),
      expected: "ERR_CERT_BUNDLE_KEY_ID",
    },
    {
      name: "has whole keys",
      text: JSON.stringify({ keys: [{ ...ecKey, x: undefined }] }),
      expected: "ERR_CERT_BUNDLE_KEY",
    },
    {
      name: "has keys on their curve's length",
      text: JSON.stringify({ keys: [{ ...ecKey, x: "AAAA" }] }),
      expected: "ERR_CERT_BUNDLE_KEY",
    },
    {
      name: "has certificates",
      text: JSON.stringify({ keys: [{ ...x509, x5c: ["AAAA"] }] }),
      expected: "ERR_CERT_BUNDLE_X5C",
    },
    {
      name: "has certificates of its keys",
      text: JSON.stringify({ keys: [{ ...x509, ...jwk(ec.publicKey) }] }),
      expected: "ERR_CERT_BUNDLE_KEY_MISMATCH",
    },
  ])("$name", ({ text, expected }) => {
    expect(() => parseBundle(text, td)).toThrow(expect.objectContaining({ code: expected }));
  });

  test("survives being written and read", () => {
    const whole: TrustBundle = {
      ...bundle,
      x509Authorities: [root.certificate],
      jwtAuthorities: bundle.jwtAuthorities.slice(0, 1),
      sequence: 2n ** 64n - 1n,
      refreshHintSeconds: 300,
    };
    expect(formatBundle(parseBundle(formatBundle(whole), td))).toBe(formatBundle(whole));
  });

  test("with a private key is read without it, and told", () => {
    const warnings: string[] = [];
    const read = parseBundle(JSON.stringify({ keys: [{ ...ecKey, ...jwk(ec.privateKey) }] }), td, (warning) =>
      warnings.push(warning.code),
    );
    expect(warnings).toEqual(["ERR_CERT_BUNDLE_PRIVATE_KEY"]);
    expect(formatBundle(read)).not.toContain(jwk(ec.privateKey)["d"]);
  });

  test("of several domains does not carry a refresh hint, and names no ID", () => {
    const map = parseBundleMap('{"trust_domains":{"td.test":{"keys":[],"spiffe_refresh_hint":5}}}');
    expect(map.get(td)?.refreshHintSeconds).toBeUndefined();
    expect(() => parseBundleMap('{"trust_domains":{"spiffe://td.test":{"keys":[]}}}')).toThrow(
      expect.objectContaining({ code: "ERR_CERT_ID_TRUST_DOMAIN_CHAR" }),
    );
  });

  test.each([
    { have: 5n, got: 4n, expected: { action: "keep", alarm: "sequence-went-back" } },
    { have: 5n, got: 5n, expected: { action: "keep", alarm: undefined } },
    { have: 5n, got: 6n, expected: { action: "replace", alarm: undefined } },
    { have: 5n, got: undefined, expected: { action: "replace", alarm: undefined } },
  ])("of sequence $got after $have", ({ have, got, expected }) => {
    expect(supersede({ ...bundle, sequence: have }, { ...bundle, sequence: got })).toEqual(expected);
  });

  test("of the same sequence with other content is followed, and told", () => {
    const [have, got] = [
      { ...bundle, sequence: 5n },
      { ...bundle, sequence: 5n, jwtAuthorities: [] },
    ];
    expect(supersede(have, got)).toEqual({ action: "replace", alarm: "same-sequence-other-content" });
  });

  test("with no keys trusts nothing any more", () => {
    const empty = new Map([[td, parseBundle('{"keys":[]}', td)]]);
    expect(verifyJwtSvid(token(), empty, { audience: ["svc"] }, NOW + HOUR)).toMatchObject({
      error: { code: "ERR_CERT_JWT_UNKNOWN_KEY" },
    });
  });
});
