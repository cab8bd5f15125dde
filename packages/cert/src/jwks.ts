import { CertError } from "./errors.js";
import { isJsonObject, parseJson } from "./json.js";
import { isKnownKeyType, publicMembers } from "./jwk.js";
import type { JwtAuthority } from "./trust-bundle.js";

/** A word about an entry that was passed over. */
type OnSkipped = (problem: CertError) => void;

/**
 * Reads a set of keys for signatures, as issuers of tokens publish it. Keys that are for encryption, of an unknown type
 * or broken are passed over, as in Envoy; private members are never read.
 *
 * @returns The keys; one without `kid` has an empty {@link JwtAuthority.keyId}.
 * @throws {@link CertError} `ERR_CERT_JWKS` if it is no set of keys.
 * @see https://www.rfc-editor.org/rfc/rfc7517#section-5
 */
export function parseJwks(text: string, onSkipped?: OnSkipped): readonly JwtAuthority[] {
  let document: ReturnType<typeof parseJson>;
  try {
    document = parseJson(text, "jwks");
  } catch (error) {
    throw new CertError("ERR_CERT_JWKS", "jwks", error instanceof CertError ? error.problem : "not JSON");
  }
  const keys = isJsonObject(document) ? document["keys"] : undefined;
  if (!Array.isArray(keys)) throw new CertError("ERR_CERT_JWKS", "jwks.keys", "expected an array");
  return keys.flatMap((entry, index) => {
    if (!isJsonObject(entry) || entry["use"] === "enc" || !isKnownKeyType(entry)) return [];
    const { kid } = entry;
    try {
      return [{ keyId: typeof kid === "string" ? kid : "", jwk: publicMembers(entry, `jwks.keys[${index}]`) }];
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      onSkipped?.(error);
      return [];
    }
  });
}

/** Fetched keys, and when to ask again: plain data. */
export interface JwksState {
  /** The keys that came last; none before the first time. */
  readonly keys: readonly JwtAuthority[];
  /** When they came, milliseconds since 1970; `undefined` before the first time. */
  readonly fetchedAt: number | undefined;
  /** Failures since then. */
  readonly failures: number;
  /** When to ask next, milliseconds since 1970. */
  readonly nextAt: number;
}

/** When keys are fetched again. All times are milliseconds. */
export interface JwksPolicy {
  /** How long keys are good for. */
  readonly cacheMs: number;
  /** How long to wait after a failure. */
  readonly failedRefetchMs: number;
}

/** What can happen to fetched keys. */
export type JwksEvent =
  | { readonly kind: "fetched"; readonly keys: readonly JwtAuthority[] }
  | { readonly kind: "failed" };

/** Nothing was fetched yet. */
export const initialJwks: JwksState = { keys: [], fetchedAt: undefined, failures: 0, nextAt: 0 };

/** Before the end of the cache's time Envoy asks again, by so much. */
const REFETCH_BEFORE_MS = 5000;

/** Takes what came, or keeps what there is: an issuer that is away for a while has not lost its keys. */
export function stepJwks(state: JwksState, event: JwksEvent, policy: JwksPolicy, now: number): JwksState {
  if (event.kind === "failed") {
    return { ...state, failures: state.failures + 1, nextAt: now + policy.failedRefetchMs };
  }
  const early = policy.cacheMs > REFETCH_BEFORE_MS ? REFETCH_BEFORE_MS : 0;
  return { keys: event.keys, fetchedAt: now, failures: 0, nextAt: now + policy.cacheMs - early };
}
