import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type UserJwtProvider, verifyUserJwt } from "@weftmesh/cert";
import { describe, expect, test } from "vitest";

const NOW = Date.UTC(2027, 0, 1);
const seconds = NOW / 1000;
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const provider: UserJwtProvider = {
  issuer: "https://issuer.test",
  audiences: ["shop"],
  keys: [{ keyId: "k", jwk: publicKey.export({ format: "jwk" }) as Record<string, string> }],
};
const claims = { iss: "https://issuer.test", aud: "shop", sub: "somebody", exp: seconds + 60 };

function token(change: object = {}, header: object = {}, key: KeyObject = privateKey): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "ES256", kid: "k", ...header })}.${encode({ ...claims, ...change })}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

const judged = (text: string, change: Partial<UserJwtProvider> = {}): string => {
  const outcome = verifyUserJwt(text, { ...provider, ...change }, NOW);
  return outcome.kind === "accepted" ? "accepted" : outcome.error.code;
};

describe("an end user's token", () => {
  test.each([
    { name: "that is good passes", text: token(), change: {}, expected: "accepted" },
    { name: "of another issuer", text: token({ iss: "other" }), change: {}, expected: "ERR_CERT_JWT_ISSUER" },
    {
      name: "of any issuer passes where none is named",
      text: token({ iss: "other" }),
      change: { issuer: undefined },
      expected: "accepted",
    },
    { name: "for another audience", text: token({ aud: ["other"] }), change: {}, expected: "ERR_CERT_JWT_AUDIENCE" },
    {
      name: "for any audience passes where none is demanded",
      text: token({ aud: undefined }),
      change: { audiences: [] },
      expected: "accepted",
    },
    { name: "over within the skew passes", text: token({ exp: seconds - 60 }), change: {}, expected: "accepted" },
    { name: "over", text: token({ exp: seconds - 61 }), change: {}, expected: "ERR_CERT_JWT_EXPIRED" },
    { name: "without an end passes", text: token({ exp: undefined }), change: {}, expected: "accepted" },
    {
      name: "without an end where one is demanded",
      text: token({ exp: undefined }),
      change: { requireExpiration: true },
      expected: "ERR_CERT_JWT_EXPIRED",
    },
    {
      name: "that lives too long",
      text: token({ exp: seconds + 7200 }),
      change: { maxLifetimeSeconds: 3600 },
      expected: "ERR_CERT_JWT_EXPIRED",
    },
    { name: "not begun", text: token({ nbf: seconds + 61 }), change: {}, expected: "ERR_CERT_JWT_NOT_BEFORE" },
    { name: "of an unknown key", text: token({}, { kid: "other" }), change: {}, expected: "ERR_CERT_JWT_UNKNOWN_KEY" },
    { name: "with `none`", text: token({}, { alg: "none" }), change: {}, expected: "ERR_CERT_JWT_ALGORITHM" },
    {
      name: "of another signer",
      text: token({}, {}, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
      change: {},
      expected: "ERR_CERT_JWT_SIGNATURE",
    },
  ])("$name", ({ text, change, expected }) => {
    expect(judged(text, change as Partial<UserJwtProvider>)).toBe(expected);
  });

  test("passes claims on as headers, but nothing that would begin another one", () => {
    const claimToHeaders = [
      { headerName: "X-Sub", claimName: "sub" },
      { headerName: "x-tenant", claimName: "org.tenant.id" },
      { headerName: "x-bad", claimName: "bad" },
      { headerName: "x-none", claimName: "none" },
    ];
    const outcome = verifyUserJwt(
      token({ org: { tenant: { id: 7 } }, bad: "a\r\nx-admin: 1" }),
      { ...provider, claimToHeaders },
      NOW,
    );
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect({ ...(outcome as { headers: object }).headers }).toEqual({ "x-sub": "somebody", "x-tenant": "7" });
  });
});
