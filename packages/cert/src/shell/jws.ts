import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import type { JwsVerifier } from "../jwt.js";
import { type JwtExpectations, type RejectedJwt, type VerifiedJwt, verifyJwt } from "../jwt-svid.js";
import type { BundleSet, JwtAuthority } from "../trust-bundle.js";
import { type AcceptedUserJwt, judgeUserJwt, type RefusedUserJwt, type UserJwtProvider } from "../user-jwt.js";
import { type VerifiedWit, verifyWit } from "../wit-svid.js";

const imported = new WeakMap<JwtAuthority, KeyObject>();

function importKey(key: JwtAuthority): KeyObject {
  let object = imported.get(key);
  if (!object) {
    object = createPublicKey({ key: { ...key.jwk }, format: "jwk" });
    imported.set(key, object);
  }
  return object;
}

/** Token signatures by `node:crypto`. */
export const nodeJws: JwsVerifier = {
  verifyJws(algorithm, key, data, signature) {
    try {
      const object = importKey(key);
      const hash = `sha${algorithm.slice(2)}`;
      switch (algorithm.slice(0, 2)) {
        case "ES":
          return verify(hash, data, { key: object, dsaEncoding: "ieee-p1363" }, signature);
        case "PS":
          return verify(
            hash,
            data,
            { key: object, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
            signature,
          );
        default:
          return verify(hash, data, object, signature);
      }
    } catch {
      // A key that OpenSSL does not take has signed nothing.
      return false;
    }
  },
};

/**
 * Judges a JWT-SVID by the keys of the trust domain that its subject names.
 *
 * @param token - The compact form, without `Bearer `.
 * @param bundles - Whom to trust, by trust domain.
 * @param expect - The audiences of which one must be named.
 * @param now - Milliseconds since 1970.
 * @returns Who the token speaks for, or the rule that failed. Bad input is a rejection, not an exception.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md#5-jwt-svid-validation
 */
export function verifyJwtSvid(
  token: string,
  bundles: BundleSet,
  expect: JwtExpectations,
  now: number,
): VerifiedJwt | RejectedJwt {
  return verifyJwt(token, bundles, expect, now, nodeJws);
}

/**
 * Judges a WIT-SVID (incubating) by the keys of the trust domain that its subject names. It is no bearer token: what
 * comes with it must prove the possession of {@link VerifiedWit.confirmation}, and that is the caller's to check.
 *
 * @param now - Milliseconds since 1970.
 */
export function verifyWitSvid(token: string, bundles: BundleSet, now: number): VerifiedWit | RejectedJwt {
  return verifyWit(token, bundles, now, nodeJws);
}

/**
 * Judges an end user's token as Envoy's `jwt_authn` does: issuer, audience, keys, signature, times.
 *
 * @param now - Milliseconds since 1970.
 */
export function verifyUserJwt(token: string, provider: UserJwtProvider, now: number): AcceptedUserJwt | RefusedUserJwt {
  return judgeUserJwt(token, provider, now, nodeJws);
}
