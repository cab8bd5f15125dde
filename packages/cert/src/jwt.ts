import { decodeBase64Url } from "./base64.js";
import { CertError } from "./errors.js";
import { isJsonObject, type JsonValue, parseJson } from "./json.js";
import type { JwtAuthority } from "./trust-bundle.js";

/** The algorithms that JWT-SVIDs may use. */
export type JwsAlgorithm = "RS256" | "RS384" | "RS512" | "ES256" | "ES384" | "ES512" | "PS256" | "PS384" | "PS512";

/** What the core asks of a cryptographic library for tokens. */
export interface JwsVerifier {
  /** Says whether `signature` is one of this key over `data`. False for anything odd; never throws. */
  verifyJws(algorithm: JwsAlgorithm, key: JwtAuthority, data: Uint8Array, signature: Uint8Array): boolean;
}

/** A token taken apart; nothing of it is proved. */
export interface Jws {
  /** The members of the header. */
  readonly header: { readonly [name: string]: JsonValue };
  /** The claims. */
  readonly claims: { readonly [name: string]: JsonValue };
  /** The bytes that are signed. */
  readonly signed: Uint8Array;
  /** The signature. */
  readonly signature: Uint8Array;
}

/** Larger tokens fit into no HTTP header. */
const MAX_TOKEN_CHARS = 32 * 1024;

const algorithms: Readonly<Record<JwsAlgorithm, { readonly kty: "RSA" | "EC"; readonly crv?: string }>> = {
  RS256: { kty: "RSA" },
  RS384: { kty: "RSA" },
  RS512: { kty: "RSA" },
  PS256: { kty: "RSA" },
  PS384: { kty: "RSA" },
  PS512: { kty: "RSA" },
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  ES512: { kty: "EC", crv: "P-521" },
};

/** Whether a header names an algorithm that is accepted. */
export function isJwsAlgorithm(value: JsonValue | undefined): value is JwsAlgorithm {
  return typeof value === "string" && Object.hasOwn(algorithms, value);
}

/** Whether a key can have made signatures by an algorithm. */
export function keyFitsAlgorithm(key: JwtAuthority, algorithm: JwsAlgorithm): boolean {
  const wanted = algorithms[algorithm];
  return key.jwk["kty"] === wanted.kty && (wanted.crv === undefined || key.jwk["crv"] === wanted.crv);
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

function malformed(problem: string): CertError {
  // The token itself is never part of the message.
  return new CertError("ERR_CERT_JWT_MALFORMED", "token", problem);
}

function readPart(part: string, name: string): { readonly [name: string]: JsonValue } {
  const bytes = decodeBase64Url(part);
  if (!bytes) throw malformed(`the ${name} is not base64url`);
  let value: JsonValue;
  try {
    value = parseJson(decoder.decode(bytes), "token");
  } catch {
    throw malformed(`the ${name} is not JSON`);
  }
  if (!isJsonObject(value)) throw malformed(`the ${name} is no JSON object`);
  return value;
}

/**
 * Takes a compact JWS apart.
 *
 * @throws {@link CertError} `ERR_CERT_JWT_MALFORMED`.
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-3.1
 */
export function parseJws(token: string): Jws {
  if (token.length > MAX_TOKEN_CHARS) throw malformed(`larger than ${MAX_TOKEN_CHARS} characters`);
  const parts = token.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw malformed(`expected three parts, got ${parts.length}`);
  }
  const bytes = decodeBase64Url(signature);
  if (!bytes) throw malformed("the signature is not base64url");
  return {
    header: readPart(header, "header"),
    claims: readPart(payload, "payload"),
    signed: encoder.encode(`${header}.${payload}`),
    signature: bytes,
  };
}

/** A claim that is a time, in milliseconds since 1970; `undefined` if it is absent, NaN if it is no time. */
export function numericDate(claim: JsonValue | undefined): number | undefined {
  if (claim === undefined) return undefined;
  return typeof claim === "bigint" || typeof claim === "number" ? Number(claim) * 1000 : Number.NaN;
}

/** The audiences of a token; `undefined` if the claim is absent or is neither a string nor a list of strings. */
export function audiences(claim: JsonValue | undefined): readonly string[] | undefined {
  if (typeof claim === "string") return [claim];
  if (!Array.isArray(claim)) return undefined;
  const strings = claim.filter((entry) => typeof entry === "string");
  return strings.length === claim.length ? strings : undefined;
}
