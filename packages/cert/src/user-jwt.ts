import { CertError, type CertErrorCode } from "./errors.js";
import type { JsonValue } from "./json.js";
import { isJsonObject } from "./json.js";
import {
  audiences,
  isJwsAlgorithm,
  type Jws,
  type JwsVerifier,
  keyFitsAlgorithm,
  numericDate,
  parseJws,
} from "./jwt.js";
import type { JwtAuthority } from "./trust-bundle.js";

/** An issuer of end users' tokens, as Envoy's `JwtProvider` describes one. */
export interface UserJwtProvider {
  /** The `iss` claim. Default: any issuer. */
  readonly issuer?: string;
  /** Audiences of which one must be named. Default: none is demanded, as in Envoy. */
  readonly audiences?: readonly string[];
  /** The issuer's keys now; `jwksSource` fetches them. */
  readonly keys: readonly JwtAuthority[];
  /** How far clocks may differ, in seconds. Default: 60, as Envoy's. */
  readonly clockSkewSeconds?: number;
  /** Whether a token must say when it ends. Default: false, as Envoy's. */
  readonly requireExpiration?: boolean;
  /** The longest lifetime that is accepted, in seconds, from `iat` or else now. Default: any. */
  readonly maxLifetimeSeconds?: number;
  /** Claims that are passed on as headers. Default: none. */
  readonly claimToHeaders?: readonly ClaimToHeader[];
}

/** A claim that is passed on as a header. */
export interface ClaimToHeader {
  /** The name of the header. */
  readonly headerName: string;
  /** The claim; dots go into objects. */
  readonly claimName: string;
}

/** A token that was accepted. */
export interface AcceptedUserJwt {
  /** Tells the two outcomes apart. */
  readonly kind: "accepted";
  /** All claims; integers are `bigint`. */
  readonly claims: { readonly [name: string]: JsonValue };
  /** Headers to add, for claims that are there and are text, numbers or booleans. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A token that was turned away. */
export interface RefusedUserJwt {
  /** Tells the two outcomes apart. */
  readonly kind: "refused";
  /** The rule that failed. The token is not in it. */
  readonly error: CertError;
}

function fail(code: CertErrorCode, path: string, problem: string): CertError {
  return new CertError(code, `token.${path}`, problem);
}

/** The claim of that name; a name with dots is looked for whole first, as Envoy does. */
function claimAt(claims: { readonly [name: string]: JsonValue }, name: string): JsonValue | undefined {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: JsonValue | undefined = claims;
  for (const part of name.split(".")) {
    if (!isJsonObject(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function headersOf(claims: Jws["claims"], mappings: readonly ClaimToHeader[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const { headerName, claimName } of mappings) {
    const value = claimAt(claims, claimName);
    if (
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "bigint" ||
      typeof value === "boolean"
    ) {
      const text = String(value);
      // What cannot stand in a header would otherwise begin another one.
      if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) headers[headerName.toLowerCase()] = text;
    }
  }
  return headers;
}

function checkTimes(claims: Jws["claims"], provider: UserJwtProvider, now: number): void {
  const skew = (provider.clockSkewSeconds ?? 60) * 1000;
  const expires = numericDate(claims["exp"]);
  const begins = numericDate(claims["nbf"]);
  const issued = numericDate(claims["iat"]);
  if (expires === undefined && (provider.requireExpiration || provider.maxLifetimeSeconds !== undefined)) {
    throw fail("ERR_CERT_JWT_EXPIRED", "exp", "it must say when it ends");
  }
  if (expires !== undefined && !(now <= expires + skew)) throw fail("ERR_CERT_JWT_EXPIRED", "exp", "it is over");
  if (begins !== undefined && !(begins - skew <= now)) throw fail("ERR_CERT_JWT_NOT_BEFORE", "nbf", "it has not begun");
  const longest = provider.maxLifetimeSeconds;
  if (longest !== undefined && (expires ?? 0) - (issued ?? now) > longest * 1000) {
    throw fail("ERR_CERT_JWT_EXPIRED", "exp", `it lives longer than ${longest} s`);
  }
}

/**
 * Judges an end user's token as Envoy's `jwt_authn` does: issuer, audience, keys, signature, times.
 *
 * @param now - Milliseconds since 1970.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto
 */
export function judgeUserJwt(
  token: string,
  provider: UserJwtProvider,
  now: number,
  crypto: JwsVerifier,
): AcceptedUserJwt | RefusedUserJwt {
  try {
    const jws = parseJws(token);
    const { alg, kid } = jws.header;
    if (!isJwsAlgorithm(alg)) throw fail("ERR_CERT_JWT_ALGORITHM", "alg", "expected RS, ES or PS with 256, 384 or 512");
    if (jws.header["crit"] !== undefined) throw fail("ERR_CERT_JWT_CRITICAL", "crit", "no extension is understood");
    if (provider.issuer !== undefined && jws.claims["iss"] !== provider.issuer) {
      throw fail("ERR_CERT_JWT_ISSUER", "iss", "of another issuer");
    }
    checkTimes(jws.claims, provider, now);
    const wanted = provider.audiences ?? [];
    if (wanted.length > 0 && !audiences(jws.claims["aud"])?.some((audience) => wanted.includes(audience))) {
      throw fail("ERR_CERT_JWT_AUDIENCE", "aud", "names none of the audiences that are expected");
    }
    // A key without ID answers to every name, as in Envoy.
    const named = provider.keys.filter((key) => kid === undefined || key.keyId === kid || key.keyId === "");
    const fitting = named.filter((key) => keyFitsAlgorithm(key, alg));
    if (fitting.length === 0) throw fail("ERR_CERT_JWT_UNKNOWN_KEY", "kid", "no key of the issuer fits");
    if (!fitting.some((key) => crypto.verifyJws(alg, key, jws.signed, jws.signature))) {
      throw fail("ERR_CERT_JWT_SIGNATURE", "signature", "does not verify");
    }
    return { kind: "accepted", claims: jws.claims, headers: headersOf(jws.claims, provider.claimToHeaders ?? []) };
  } catch (error) {
    if (error instanceof CertError) return { kind: "refused", error };
    throw error;
  }
}
