/** How verdicts of the identity package are compared with neutral reasons. */
import { readFileSync } from "node:fs";
import { CertError } from "@weftmesh/cert";
import type { Case, Outcome } from "./suite.js";

/** The case holds. */
export const OK: Outcome = { ok: true };

/** Two values that must be the same. */
export function equal(expected: unknown, got: unknown): Outcome {
  return JSON.stringify(expected) === JSON.stringify(got) ? OK : { ok: false, expected, got };
}

/** What a call came to: its value, or the code it threw. */
export function attempt<T>(run: () => T): { readonly value: T } | { readonly code: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof CertError) return { code: error.code };
    throw error;
  }
}

/** The codes that each neutral reason stands for. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  // SPIFFE IDs
  empty: ["ERR_CERT_ID_EMPTY"],
  "bad-scheme": ["ERR_CERT_ID_SCHEME"],
  "scheme-case": ["ERR_CERT_ID_SCHEME"],
  "empty-trust-domain": ["ERR_CERT_ID_NO_TRUST_DOMAIN"],
  "bad-trust-domain-char": ["ERR_CERT_ID_TRUST_DOMAIN_CHAR"],
  "trust-domain-too-long": ["ERR_CERT_ID_TRUST_DOMAIN_LENGTH"],
  "bad-path-char": ["ERR_CERT_ID_PATH_CHAR"],
  "empty-segment": ["ERR_CERT_ID_EMPTY_SEGMENT"],
  "dot-segment": ["ERR_CERT_ID_DOT_SEGMENT"],
  "trailing-slash": ["ERR_CERT_ID_TRAILING_SLASH"],
  "no-leading-slash": ["ERR_CERT_ID_LEADING_SLASH"],
  "too-long": ["ERR_CERT_ID_LENGTH"],
  // X.509
  malformed: [
    "ERR_CERT_DER",
    "ERR_CERT_PEM",
    "ERR_CERT_MALFORMED",
    "ERR_CERT_CHAIN_EMPTY",
    "ERR_CERT_CSR_MALFORMED",
    "ERR_CERT_CSR_TOO_LARGE",
    "ERR_CERT_JWT_MALFORMED",
  ],
  "no-uri-san": ["ERR_CERT_NO_URI_SAN"],
  "multiple-uri-san": ["ERR_CERT_MULTIPLE_URI_SAN"],
  "leaf-is-ca": ["ERR_CERT_LEAF_IS_CA"],
  "leaf-key-cert-sign": ["ERR_CERT_LEAF_KEY_CERT_SIGN"],
  "leaf-crl-sign": ["ERR_CERT_LEAF_CRL_SIGN"],
  "leaf-no-digital-signature": ["ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE"],
  "key-usage-missing": ["ERR_CERT_KEY_USAGE_MISSING"],
  "key-usage-not-critical": ["ERR_CERT_KEY_USAGE_NOT_CRITICAL"],
  "eku-incomplete": ["ERR_CERT_EXTENDED_KEY_USAGE"],
  "san-not-critical": ["ERR_CERT_SAN_NOT_CRITICAL"],
  "serial-not-positive": ["ERR_CERT_SERIAL"],
  "weak-key": ["ERR_CERT_WEAK_KEY"],
  "unsupported-curve": ["ERR_CERT_UNSUPPORTED_KEY"],
  "unsupported-key": ["ERR_CERT_UNSUPPORTED_KEY"],
  expired: ["ERR_CERT_EXPIRED", "ERR_CERT_ISSUER_EXPIRED"],
  "not-yet-valid": ["ERR_CERT_NOT_YET_VALID", "ERR_CERT_ISSUER_NOT_YET_VALID"],
  untrusted: ["ERR_CERT_UNTRUSTED"],
  "no-bundle": ["ERR_CERT_NO_BUNDLE"],
  "issuer-not-ca": ["ERR_CERT_ISSUER_NOT_CA"],
  "issuer-no-key-cert-sign": ["ERR_CERT_ISSUER_NO_KEY_CERT_SIGN"],
  "bad-signature": ["ERR_CERT_BAD_SIGNATURE"],
  // JWT
  alg: ["ERR_CERT_JWT_ALGORITHM"],
  typ: ["ERR_CERT_JWT_TYPE"],
  crit: ["ERR_CERT_JWT_CRITICAL"],
  "alg-key-mismatch": ["ERR_CERT_JWT_KEY_ALGORITHM"],
  exp: ["ERR_CERT_JWT_EXPIRED"],
  nbf: ["ERR_CERT_JWT_NOT_BEFORE"],
  sub: ["ERR_CERT_JWT_SUBJECT"],
  aud: ["ERR_CERT_JWT_AUDIENCE", "ERR_CERT_JWT_EXPECTED_AUDIENCE"],
  // A token of one domain for an ID of another is listed under this reason when the data looks at who signed, although
  // the key ID, looked for in the other domain as it must be, is not even found there.
  signature: ["ERR_CERT_JWT_SIGNATURE", "ERR_CERT_JWT_UNKNOWN_KEY"],
  "unknown-kid": ["ERR_CERT_JWT_UNKNOWN_KEY"],
  // Signing requests
  "csr-signature": ["ERR_CERT_CSR_SIGNATURE"],
};

/** A reason that this table does not list must be served by codes that the same folder gives to no other reason. */
export class Reasons {
  readonly #seen = new Map<string, string>();

  judge(reason: string, code: string): Outcome {
    const listed = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
    const other = this.#seen.get(code);
    this.#seen.set(code, other ?? reason);
    if (listed) return listed.includes(code) ? OK : { ok: false, expected: listed.join(" or "), got: code };
    return other === undefined || other === reason
      ? OK
      : { ok: false, expected: `a code of its own for ${reason}`, got: `${code}, which stands for ${other}` };
  }
}

/** Accepted, or the code of the rejection. */
export type Verdict = { readonly accepted: unknown } | { readonly code: string };

/** `policy` accepts either verdict: the package documents which one it is. */
export function judge(reasons: Reasons, entry: Entry, verdict: Verdict, accepted: () => Outcome): Outcome {
  if (entry.expect === "policy") return OK;
  if (entry.expect === "accept") {
    return "code" in verdict ? { ok: false, expected: "accepted", got: verdict.code } : accepted();
  }
  if (entry.expect !== "reject") return { ok: false, expected: "accept, reject or policy", got: entry.expect };
  if (!("code" in verdict))
    return { ok: false, expected: `rejected: ${entry.reason ?? "any reason"}`, got: "accepted" };
  return entry.reason === undefined ? OK : reasons.judge(entry.reason, verdict.code);
}

/** What every entry of a manifest has. */
export interface Entry {
  readonly name: string;
  readonly expect: string;
  readonly reason?: string;
}

/** Reads a manifest. */
export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** A case for each entry of a manifest. */
export function* named<T extends { readonly name: string }>(
  prefix: string,
  entries: readonly T[],
  run: (entry: T) => Outcome | Promise<Outcome>,
): Iterable<Case> {
  for (const entry of entries) yield { name: `${prefix}/${entry.name}`, run: () => run(entry) };
}
