import { memberBits } from "./bundle-json.js";
import { formatTime } from "./der/time.js";
import { CertError, type CertErrorCode } from "./errors.js";
import type { JsonValue } from "./json.js";
import {
  audiences,
  isJwsAlgorithm,
  type Jws,
  type JwsAlgorithm,
  type JwsVerifier,
  keyFitsAlgorithm,
  numericDate,
  parseJws,
} from "./jwt.js";
import { SpiffeId } from "./spiffe-id.js";
import type { BundleSet, JwtAuthority } from "./trust-bundle.js";

/** A token that was validated, and what it proves. */
export interface VerifiedJwt {
  /** Tells the two outcomes apart. */
  readonly kind: "verified";
  /** Who the token speaks for. */
  readonly id: SpiffeId;
  /** Whom it is for. */
  readonly audience: readonly string[];
  /** When it ends, milliseconds since 1970. */
  readonly expiresAt: number;
  /** All claims; integers are `bigint`. */
  readonly claims: { readonly [name: string]: JsonValue };
}

/** A token that was turned away, and why. */
export interface RejectedJwt {
  /** Tells the two outcomes apart. */
  readonly kind: "rejected";
  /** The rule that failed; branch on its code. The token is not in it. */
  readonly error: CertError;
}

/** What a validator expects. */
export interface JwtExpectations {
  /** Audiences of which the token must name one; an empty list is refused, for it would accept every token. */
  readonly audience: readonly string[];
  /** How far clocks may differ, in milliseconds, at most 60,000. Default: 60,000, as go-spiffe's. */
  readonly leewayMs?: number;
}

/** The largest difference between clocks that is allowed for. */
export const MAX_LEEWAY_MS = 60_000;

function reject(code: CertErrorCode, path: string, problem: string): CertError {
  return new CertError(code, path, problem);
}

/** The algorithm of a token whose header may stand. */
function headerAlgorithm({ header }: Jws): JwsAlgorithm {
  const { alg, typ, crit } = header;
  if (!isJwsAlgorithm(alg)) {
    throw reject("ERR_CERT_JWT_ALGORITHM", "token.alg", "expected RS, ES or PS with 256, 384 or 512");
  }
  if (typ !== undefined && typ !== "JWT" && typ !== "JOSE") {
    throw reject("ERR_CERT_JWT_TYPE", "token.typ", "expected JWT, JOSE or none");
  }
  if (crit !== undefined) throw reject("ERR_CERT_JWT_CRITICAL", "token.crit", "no extension is understood");
  return alg;
}

/** The workload that a token names. */
export function tokenSubject(claim: JsonValue | undefined): SpiffeId {
  const problem = "expected the SPIFFE ID of a workload";
  if (typeof claim !== "string" || !SpiffeId.is(claim) || SpiffeId.path(claim) === "") {
    throw reject("ERR_CERT_JWT_SUBJECT", "token.sub", problem);
  }
  return claim;
}

/** Whether a key is long enough to be believed. */
export function isStrongKey(key: JwtAuthority): boolean {
  return key.jwk["kty"] !== "RSA" || memberBits(key.jwk, "n") >= 2048;
}

/** The keys that may have signed: the one that is named, or all that fit if none is named. */
export function candidateKeys(
  jws: Jws,
  algorithm: JwsAlgorithm,
  keys: readonly JwtAuthority[],
): readonly JwtAuthority[] {
  const { kid } = jws.header;
  if (kid !== undefined && typeof kid !== "string") {
    throw reject("ERR_CERT_JWT_MALFORMED", "token.kid", "expected a string");
  }
  const named = kid === undefined ? keys : keys.filter((key) => key.keyId === kid);
  if (named.length === 0) {
    throw reject("ERR_CERT_JWT_UNKNOWN_KEY", "token.kid", "no key of the trust domain has this ID");
  }
  const fitting = named.filter((key) => keyFitsAlgorithm(key, algorithm));
  if (fitting.length === 0) {
    throw kid === undefined
      ? reject("ERR_CERT_JWT_UNKNOWN_KEY", "token.alg", "no key of the trust domain fits the algorithm")
      : reject("ERR_CERT_JWT_KEY_ALGORITHM", "token.alg", "the key that is named is of another kind");
  }
  const strong = fitting.filter(isStrongKey);
  if (strong.length === 0) throw reject("ERR_CERT_WEAK_KEY", "token.kid", "RSA needs at least 2048 bits");
  return strong;
}

/**
 * Checks when a token begins and ends.
 *
 * @returns When it ends, milliseconds since 1970.
 */
export function checkTokenTimes(claims: Jws["claims"], now: number, leewayMs: number): number {
  const expiresAt = numericDate(claims["exp"]);
  if (expiresAt === undefined || !Number.isFinite(expiresAt) || expiresAt <= 0) {
    throw reject("ERR_CERT_JWT_EXPIRED", "token.exp", "expected the time when the token ends");
  }
  if (!(now - leewayMs <= expiresAt)) {
    const problem = `ended ${formatTime(expiresAt)}, it is ${formatTime(now)} by the clock of the validator`;
    throw reject("ERR_CERT_JWT_EXPIRED", "token.exp", problem);
  }
  const notBefore = numericDate(claims["nbf"]);
  if (notBefore !== undefined && !(notBefore <= now + leewayMs)) {
    throw reject(
      "ERR_CERT_JWT_NOT_BEFORE",
      "token.nbf",
      `has not begun, it is ${formatTime(now)} by the clock of the validator`,
    );
  }
  // go-jose refuses these too; a token from the future means that a clock is wrong.
  const issuedAt = numericDate(claims["iat"]);
  if (issuedAt !== undefined && !(issuedAt <= now + leewayMs)) {
    throw reject(
      "ERR_CERT_JWT_ISSUED_AT",
      "token.iat",
      `lies in the future, it is ${formatTime(now)} by the clock of the validator`,
    );
  }
  return expiresAt;
}

/**
 * Judges a JWT-SVID: form, algorithm, the key of the trust domain that its subject names, signature, times, audience.
 *
 * @param now - Milliseconds since 1970.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md#5-jwt-svid-validation
 */
export function verifyJwt(
  token: string,
  bundles: BundleSet,
  expect: JwtExpectations,
  now: number,
  crypto: JwsVerifier,
): VerifiedJwt | RejectedJwt {
  try {
    if (expect.audience.length === 0) {
      throw reject("ERR_CERT_JWT_EXPECTED_AUDIENCE", "audience", "say which audiences are expected");
    }
    const leewayMs = Math.min(MAX_LEEWAY_MS, Math.max(0, expect.leewayMs ?? MAX_LEEWAY_MS));
    const jws = parseJws(token);
    const algorithm = headerAlgorithm(jws);
    const id = tokenSubject(jws.claims["sub"]);
    const trustDomain = SpiffeId.trustDomain(id);
    const bundle = bundles.get(trustDomain);
    if (!bundle) throw reject("ERR_CERT_NO_BUNDLE", "bundles", `there is none for trust domain ${trustDomain}`);
    const keys = candidateKeys(jws, algorithm, bundle.jwtAuthorities);
    if (!keys.some((key) => crypto.verifyJws(algorithm, key, jws.signed, jws.signature))) {
      throw reject("ERR_CERT_JWT_SIGNATURE", "token", "the signature does not verify");
    }
    const expiresAt = checkTokenTimes(jws.claims, now, leewayMs);
    const audience = audiences(jws.claims["aud"]);
    if (!audience?.some((entry) => expect.audience.includes(entry))) {
      throw reject("ERR_CERT_JWT_AUDIENCE", "token.aud", "names none of the audiences that are expected");
    }
    return { kind: "verified", id, audience, expiresAt, claims: jws.claims };
  } catch (error) {
    if (error instanceof CertError) return { kind: "rejected", error };
    throw error;
  }
}
