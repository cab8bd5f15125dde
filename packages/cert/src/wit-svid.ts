import { CertError } from "./errors.js";
import { isJsonObject, type JsonValue } from "./json.js";
import { hasPrivateMembers, isKnownKeyType, publicMembers } from "./jwk.js";
import { isJwsAlgorithm, type JwsAlgorithm, type JwsVerifier, keyFitsAlgorithm, parseJws } from "./jwt.js";
import { candidateKeys, checkTokenTimes, MAX_LEEWAY_MS, type RejectedJwt, tokenSubject } from "./jwt-svid.js";
import { SpiffeId } from "./spiffe-id.js";
import type { BundleSet, JwtAuthority } from "./trust-bundle.js";

/** The type that the header of a WIT-SVID has. */
export const WIT_TYPE = "wit+jwt";

/** The key that whoever shows a WIT-SVID must prove to have. */
export interface WitConfirmation {
  /** The algorithm that the proof is signed by. */
  readonly algorithm: string;
  /** The public members of the key. */
  readonly jwk: JwtAuthority["jwk"];
}

/** A WIT-SVID that was validated. By itself it proves nothing about who showed it. */
export interface VerifiedWit {
  /** Tells the two outcomes apart. */
  readonly kind: "verified";
  /** Whom the token is for. */
  readonly id: SpiffeId;
  /** The key whose possession the caller has still to prove, as by a WIMSE proof token. */
  readonly confirmation: WitConfirmation;
  /** When it ends, milliseconds since 1970. */
  readonly expiresAt: number;
  /** All claims; integers are `bigint`. */
  readonly claims: { readonly [name: string]: JsonValue };
}

function reject(code: "ERR_CERT_JWT_CONFIRMATION" | "ERR_CERT_JWT_TYPE", path: string, problem: string): CertError {
  return new CertError(code, path, problem);
}

function confirmationOf(claim: JsonValue | undefined): WitConfirmation {
  const jwk = isJsonObject(claim) ? claim["jwk"] : undefined;
  const path = "token.cnf.jwk";
  if (!isJsonObject(jwk) || !isKnownKeyType(jwk)) {
    throw reject("ERR_CERT_JWT_CONFIRMATION", path, "expected the public key that the caller must have");
  }
  if (hasPrivateMembers(jwk)) throw reject("ERR_CERT_JWT_CONFIRMATION", path, "there is a private key in it");
  const algorithm = jwk["alg"];
  let members: JwtAuthority["jwk"];
  try {
    members = publicMembers(jwk, path);
  } catch (error) {
    throw reject("ERR_CERT_JWT_CONFIRMATION", path, error instanceof CertError ? error.problem : "no key");
  }
  const fits =
    (isJwsAlgorithm(algorithm) && keyFitsAlgorithm({ keyId: "", jwk: members }, algorithm)) ||
    ((algorithm === "EdDSA" || algorithm === "Ed25519") && members["crv"] === "Ed25519");
  if (typeof algorithm !== "string" || !fits) {
    throw reject("ERR_CERT_JWT_CONFIRMATION", `${path}.alg`, "expected an algorithm that fits the key");
  }
  return { algorithm, jwk: members };
}

function headerOf(header: { readonly [name: string]: JsonValue }): JwsAlgorithm {
  if (header["typ"] !== WIT_TYPE) throw reject("ERR_CERT_JWT_TYPE", "token.typ", `expected ${WIT_TYPE}`);
  const { alg, crit, kid } = header;
  if (!isJwsAlgorithm(alg)) {
    throw new CertError("ERR_CERT_JWT_ALGORITHM", "token.alg", "expected RS, ES or PS with 256, 384 or 512");
  }
  if (crit !== undefined) throw new CertError("ERR_CERT_JWT_CRITICAL", "token.crit", "no extension is understood");
  if (typeof kid !== "string" || kid === "") {
    throw new CertError("ERR_CERT_JWT_UNKNOWN_KEY", "token.kid", "a WIT-SVID must name its key");
  }
  return alg;
}

/**
 * Judges a WIT-SVID: a token that is bound to a key and for nobody in particular.
 *
 * @param now - Milliseconds since 1970.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/WIT-SVID.md
 */
export function verifyWit(
  token: string,
  bundles: BundleSet,
  now: number,
  crypto: JwsVerifier,
): VerifiedWit | RejectedJwt {
  try {
    const jws = parseJws(token);
    const algorithm = headerOf(jws.header);
    const id = tokenSubject(jws.claims["sub"]);
    const trustDomain = SpiffeId.trustDomain(id);
    const bundle = bundles.get(trustDomain);
    if (!bundle) {
      throw new CertError("ERR_CERT_NO_BUNDLE", "bundles", `there is none for trust domain ${trustDomain}`);
    }
    const keys = candidateKeys(jws, algorithm, bundle.witAuthorities);
    if (!keys.some((key) => crypto.verifyJws(algorithm, key, jws.signed, jws.signature))) {
      throw new CertError("ERR_CERT_JWT_SIGNATURE", "token", "the signature does not verify");
    }
    const expiresAt = checkTokenTimes(jws.claims, now, MAX_LEEWAY_MS);
    if (jws.claims["aud"] !== undefined) {
      throw new CertError("ERR_CERT_JWT_AUDIENCE", "token.aud", "a WIT-SVID has no audience");
    }
    const confirmation = confirmationOf(jws.claims["cnf"]);
    return { kind: "verified", id, confirmation, expiresAt, claims: jws.claims };
  } catch (error) {
    if (error instanceof CertError) return { kind: "rejected", error };
    throw error;
  }
}
