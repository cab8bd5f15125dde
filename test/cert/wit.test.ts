import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { SpiffeId, TrustDomain, trustBundle, verifyJwtSvid, verifyWitSvid, witSigner } from "@weftmesh/cert";
import { describe, expect, test } from "vitest";

const NOW = Date.UTC(2027, 0, 1);
const td = TrustDomain.parse("td.test");
const id = SpiffeId.parse("spiffe://td.test/w");
const issuer = generateKeyPairSync("ec", { namedCurve: "P-256" });
const workload = generateKeyPairSync("ed25519");
const jwk = (key: KeyObject) => key.export({ format: "jwk" }) as Record<string, string>;
const bundles = new Map([
  [td, { ...trustBundle(td, []), witAuthorities: [{ keyId: "k", jwk: jwk(issuer.publicKey) }] }],
]);
const cnf = { jwk: { ...jwk(workload.publicKey), alg: "EdDSA" } };

function token(claims: object = {}, header: object = {}): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const payload = { sub: id, exp: NOW / 1000 + 60, cnf, ...claims };
  const signed = `${encode({ alg: "ES256", typ: "wit+jwt", kid: "k", ...header })}.${encode(payload)}`;
  const signature = sign("sha256", Buffer.from(signed), { key: issuer.privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

const outcome = (text: string, now = NOW): string => {
  const verdict = verifyWitSvid(text, bundles, now);
  return verdict.kind === "verified" ? verdict.id : verdict.error.code;
};

describe("a WIT-SVID", () => {
  test.each([
    { name: "that is good passes", text: token(), expected: id },
    { name: "of another type", text: token({}, { typ: "JWT" }), expected: "ERR_CERT_JWT_TYPE" },
    { name: "without type", text: token({}, { typ: undefined }), expected: "ERR_CERT_JWT_TYPE" },
    { name: "without key ID", text: token({}, { kid: undefined }), expected: "ERR_CERT_JWT_UNKNOWN_KEY" },
    { name: "of an unknown key", text: token({}, { kid: "other" }), expected: "ERR_CERT_JWT_UNKNOWN_KEY" },
    { name: "with `none`", text: token({}, { alg: "none" }), expected: "ERR_CERT_JWT_ALGORITHM" },
    { name: "with critical parameters", text: token({}, { crit: ["x"] }), expected: "ERR_CERT_JWT_CRITICAL" },
    { name: "with an audience", text: token({ aud: ["svc"] }), expected: "ERR_CERT_JWT_AUDIENCE" },
    { name: "without end", text: token({ exp: undefined }), expected: "ERR_CERT_JWT_EXPIRED" },
    { name: "without confirmation", text: token({ cnf: undefined }), expected: "ERR_CERT_JWT_CONFIRMATION" },
    {
      name: "whose key has no algorithm",
      text: token({ cnf: { jwk: jwk(workload.publicKey) } }),
      expected: "ERR_CERT_JWT_CONFIRMATION",
    },
    {
      name: "whose key does not fit its algorithm",
      text: token({ cnf: { jwk: { ...jwk(workload.publicKey), alg: "ES256" } } }),
      expected: "ERR_CERT_JWT_CONFIRMATION",
    },
    {
      name: "that gives the private key away",
      text: token({ cnf: { jwk: { ...jwk(workload.privateKey), alg: "EdDSA" } } }),
      expected: "ERR_CERT_JWT_CONFIRMATION",
    },
    { name: "for a trust domain", text: token({ sub: "spiffe://td.test" }), expected: "ERR_CERT_JWT_SUBJECT" },
    { name: "of a domain without bundle", text: token({ sub: "spiffe://x.test/w" }), expected: "ERR_CERT_NO_BUNDLE" },
    { name: "changed", text: token().replace(/\.[^.]*$/, `.${"A".repeat(86)}`), expected: "ERR_CERT_JWT_SIGNATURE" },
  ])("$name", ({ text, expected }) => {
    expect(outcome(text)).toBe(expected);
  });

  test("that is over", () => {
    expect(outcome(token(), NOW + 180_000)).toBe("ERR_CERT_JWT_EXPIRED");
  });

  test("is no bearer token: as a JWT-SVID it is refused", () => {
    const both = new Map([
      [td, { ...trustBundle(td, []), jwtAuthorities: [...(bundles.get(td)?.witAuthorities ?? [])] }],
    ]);
    const verdict = verifyJwtSvid(token({ aud: ["svc"] }), both, { audience: ["svc"] }, NOW);
    expect(verdict).toMatchObject({ kind: "rejected", error: { code: "ERR_CERT_JWT_TYPE" } });
  });

  test("of our signer says whose key is to be proved", () => {
    const signer = witSigner({ trustDomain: td, clock: { now: () => NOW } });
    const { d: _private, ...ofWorkload } = jwk(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey);
    const text = signer.sign(id, { algorithm: "ES256", jwk: ofWorkload });
    const own = new Map([[td, { ...trustBundle(td, []), witAuthorities: [signer.authority] }]]);
    expect(verifyWitSvid(text, own, NOW)).toMatchObject({
      kind: "verified",
      id,
      expiresAt: NOW + 300_000,
      confirmation: { algorithm: "ES256", jwk: ofWorkload },
    });
  });
});
