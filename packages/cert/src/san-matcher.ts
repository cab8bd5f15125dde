import { CertError } from "./errors.js";
import { type IdMatcher, matchAny } from "./matcher.js";

/** The part of Envoy's `StringMatcher` that names a text. At most one of the texts is given. */
export interface StringMatcherLike {
  /** The whole ID. */
  readonly exact?: string | undefined;
  /** How it begins. */
  readonly prefix?: string | undefined;
  /** How it ends. */
  readonly suffix?: string | undefined;
  /** What stands in it. */
  readonly contains?: string | undefined;
  /** Compares ASCII letters without case. Default: false. */
  readonly ignoreCase?: boolean | undefined;
  /** An RE2 pattern; refused here. */
  readonly safeRegex?: unknown;
  /** An extension; refused here. */
  readonly custom?: unknown;
}

/** The part of Envoy's `SubjectAltNameMatcher` that is read. */
export interface SanMatcherLike {
  /** Which kind of name, by name or number. Only `URI` (2) names a SPIFFE peer. */
  readonly sanType?: string | number | undefined;
  /** What the name has to be. */
  readonly matcher?: StringMatcherLike | undefined;
}

/** The part of Envoy's `CertificateValidationContext` that names peers. */
export interface ValidationContextLike {
  /** Who the peer may be; one match is enough. */
  readonly matchTypedSubjectAltNames?: readonly SanMatcherLike[] | undefined;
}

/** The part of Envoy's `CommonTlsContext` that names peers. */
export interface TlsContextLike {
  /** As written. */
  readonly validationContext?: ValidationContextLike | undefined;
  /** As written, beside what comes by SDS; Istio's form. */
  readonly combinedValidationContext?:
    | { readonly defaultValidationContext?: ValidationContextLike | undefined }
    | undefined;
}

/**
 * Reads whom a TLS context lets be the peer: `match_typed_subject_alt_names` of its validation context. Without any,
 * every member of a trusted domain is let in, as Envoy's SPIFFE validator does.
 *
 * @param context - A `CommonTlsContext`, if there is one.
 * @param path - Where it stands in the user's input, for errors. Default: `common_tls_context`.
 * @throws {@link CertError} `ERR_CERT_SAN_MATCHER` for a matcher that is not about URIs, or that is no plain text.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto
 */
export function matchPeers(context: TlsContextLike | undefined, path = "common_tls_context"): IdMatcher {
  const combined = context?.combinedValidationContext;
  const matchers = (combined?.defaultValidationContext ?? context?.validationContext)?.matchTypedSubjectAltNames;
  if (matchers === undefined || matchers.length === 0) return matchAny;
  const within = combined ? "combined_validation_context.default_validation_context" : "validation_context";
  const tests = matchers.map((each, index) =>
    compile(each, `${path}.${within}.match_typed_subject_alt_names[${index}]`),
  );
  return (id) => tests.some((test) => test(id));
}

function compile({ sanType, matcher }: SanMatcherLike, path: string): (id: string) => boolean {
  if (sanType !== "URI" && sanType !== 2) {
    throw new CertError("ERR_CERT_SAN_MATCHER", `${path}.san_type`, `a SPIFFE ID is a URI name, not ${sanType}`);
  }
  const { exact, prefix, suffix, contains, ignoreCase = false } = matcher ?? {};
  const fold = (text: string): string =>
    ignoreCase ? text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
  const test = (wanted: string, judge: (id: string, wanted: string) => boolean) => {
    const folded = fold(wanted);
    return (id: string) => judge(fold(id), folded);
  };
  if (exact !== undefined) return test(exact, (id, wanted) => id === wanted);
  if (prefix !== undefined) return test(prefix, (id, wanted) => id.startsWith(wanted));
  if (suffix !== undefined) return test(suffix, (id, wanted) => id.endsWith(wanted));
  if (contains !== undefined) return test(contains, (id, wanted) => id.includes(wanted));
  throw new CertError(
    "ERR_CERT_SAN_MATCHER",
    `${path}.matcher`,
    "expected exact, prefix, suffix or contains; patterns and extensions are not supported",
  );
}
