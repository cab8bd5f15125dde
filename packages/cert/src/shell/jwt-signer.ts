import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { encodeBase64Url } from "../base64.js";
import type { WallClock } from "../clock.js";
import { CertError } from "../errors.js";
import type { SpiffeId, TrustDomain } from "../spiffe-id.js";
import type { JwtAuthority } from "../trust-bundle.js";
import { systemScheduler } from "./clock.js";
import { generateKey } from "./keys.js";

/** How a signer of tokens works. */
export interface JwtSignerOptions {
  /** The trust domain it signs for. */
  readonly trustDomain: TrustDomain;
  /** How long a token lives, in milliseconds. Default: 5 minutes, as SPIRE's. */
  readonly ttlMs?: number;
  /** The wall clock. Default: the system's. */
  readonly clock?: WallClock;
}

/** Signs JWT-SVIDs. */
export interface JwtSigner {
  /** The public key that validators need, for the trust domain's bundle. */
  readonly authority: JwtAuthority;
  /**
   * Makes a token.
   *
   * @throws {@link CertError} `ERR_CERT_JWT_EXPECTED_AUDIENCE` without audience, for such a token would be good for nobody.
   */
  sign(id: SpiffeId, audience: readonly string[]): string;
}

/** Makes a new ES256 key for tokens, and a signer with it. */
export function jwtSigner(options: JwtSignerOptions): JwtSigner {
  const key = createPrivateKey(generateKey("P-256").exportPem());
  const { kty = "", crv = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  const keyId = randomBytes(12).toString("hex");
  const clock = options.clock ?? systemScheduler;
  const encode = (value: unknown): string => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  return {
    authority: { keyId, jwk: { kty, crv, x, y } },
    sign(id, audience) {
      if (audience.length === 0) {
        throw new CertError("ERR_CERT_JWT_EXPECTED_AUDIENCE", "audience", "a token must be for somebody");
      }
      const now = Math.floor(clock.now() / 1000);
      const exp = now + Math.ceil((options.ttlMs ?? 300_000) / 1000);
      const signed = `${encode({ alg: "ES256", kid: keyId, typ: "JWT" })}.${encode({ sub: id, aud: audience, exp, iat: now })}`;
      const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
      return `${signed}.${encodeBase64Url(signature)}`;
    },
  };
}
