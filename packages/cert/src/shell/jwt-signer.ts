import { createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";
import { encodeBase64Url } from "../base64.js";
import type { WallClock } from "../clock.js";
import { CertError } from "../errors.js";
import type { SpiffeId, TrustDomain } from "../spiffe-id.js";
import type { JwtAuthority } from "../trust-bundle.js";
import { WIT_TYPE, type WitConfirmation } from "../wit-svid.js";
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

/** Signs WIT-SVIDs. */
export interface WitSigner {
  /** The public key that validators need, for the `witAuthorities` of the trust domain's bundle. */
  readonly authority: JwtAuthority;
  /** Makes a token for whoever can prove to have the key of `confirmation`. */
  sign(id: SpiffeId, confirmation: WitConfirmation): string;
}

/** Makes a new ES256 key, and what signs claims with it. */
function claimsSigner(options: JwtSignerOptions, typ: string) {
  const key = createPrivateKey(generateKey("P-256").exportPem());
  const { kty = "", crv = "", x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  const keyId = randomBytes(12).toString("hex");
  const clock = options.clock ?? systemScheduler;
  const encode = (value: unknown): string => encodeBase64Url(new TextEncoder().encode(JSON.stringify(value)));
  const authority: JwtAuthority = { keyId, jwk: { kty, crv, x, y } };
  return {
    authority,
    sign(claims: object): string {
      const iat = Math.floor(clock.now() / 1000);
      const exp = iat + Math.ceil((options.ttlMs ?? 300_000) / 1000);
      const signed = `${encode({ alg: "ES256", kid: keyId, typ })}.${encode({ ...claims, exp, iat })}`;
      const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
      return `${signed}.${encodeBase64Url(signature)}`;
    },
  };
}

/** Makes a new ES256 key for tokens, and a signer with it. */
export function jwtSigner(options: JwtSignerOptions): JwtSigner {
  const signer = claimsSigner(options, "JWT");
  return {
    authority: signer.authority,
    sign(id, audience) {
      if (audience.length === 0) {
        throw new CertError("ERR_CERT_JWT_EXPECTED_AUDIENCE", "audience", "a token must be for somebody");
      }
      return signer.sign({ sub: id, aud: audience });
    },
  };
}

/** Makes a new ES256 key for WIT-SVIDs, and a signer with it. */
export function witSigner(options: JwtSignerOptions): WitSigner {
  const signer = claimsSigner(options, WIT_TYPE);
  return {
    authority: signer.authority,
    sign: (id, { algorithm, jwk }) => signer.sign({ sub: id, cnf: { jwk: { ...jwk, alg: algorithm } } }),
  };
}
