import { type Certificate, toHex } from "./certificate.js";
import { formatTime } from "./der/time.js";
import type { CertErrorCode } from "./errors.js";
import type { PathAttempt } from "./path.js";
import type { SvidVerdict } from "./peer.js";
import type { SignatureVerifier } from "./signature.js";
import { SpiffeId } from "./spiffe-id.js";
import type { BundleSet } from "./trust-bundle.js";
import { type ChainInput, readChain, verifyChain } from "./x509-svid.js";

/** Why a chain was accepted or not, for people. */
export interface Explanation {
  /** The verdict itself. */
  readonly verdict: SvidVerdict;
  /** The rule that failed, as a section of a standard; `undefined` if the chain was accepted or is no chain. */
  readonly section: string | undefined;
  /** The clock of the verifier, milliseconds since 1970. */
  readonly now: number;
  /** The authorities of the leaf's trust domain that were at hand; `undefined` if it has no bundle. */
  readonly anchors: readonly Certificate[] | undefined;
  /** Every issuer that was tried, in order. */
  readonly attempts: readonly PathAttempt[];
  /** All of this as text, one fact a line. */
  readonly text: string;
}

const X509 = "X509-SVID";
const SECTIONS: Partial<Record<CertErrorCode, string>> = {
  ERR_CERT_NO_URI_SAN: `${X509} §2`,
  ERR_CERT_MULTIPLE_URI_SAN: `${X509} §2 and §5.2`,
  ERR_CERT_LEAF_ROOT_ID: `${X509} §5.2`,
  ERR_CERT_LEAF_IS_CA: `${X509} §4.1 and §5.2`,
  ERR_CERT_LEAF_KEY_CERT_SIGN: `${X509} §4.3 and §5.2`,
  ERR_CERT_LEAF_CRL_SIGN: `${X509} §4.3 and §5.2`,
  ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE: `${X509} §4.3`,
  ERR_CERT_KEY_USAGE_MISSING: `${X509} §4.3`,
  ERR_CERT_KEY_USAGE_NOT_CRITICAL: `${X509} §4.3`,
  ERR_CERT_EXTENDED_KEY_USAGE: `${X509} §4.4`,
  ERR_CERT_SAN_NOT_CRITICAL: "RFC 5280 §4.2.1.6",
  ERR_CERT_SERIAL: "RFC 5280 §4.1.2.2",
  ERR_CERT_DUPLICATE_EXTENSION: "RFC 5280 §4.2",
  ERR_CERT_CRITICAL_EXTENSION: "RFC 5280 §4.2",
  ERR_CERT_MALFORMED: "RFC 5280 §4.1",
  ERR_CERT_DER: "X.690 §10",
  ERR_CERT_PEM: "RFC 7468 §3",
  ERR_CERT_EXPIRED: "RFC 5280 §6.1.3",
  ERR_CERT_NOT_YET_VALID: "RFC 5280 §6.1.3",
  ERR_CERT_ISSUER_EXPIRED: "RFC 5280 §6.1.3",
  ERR_CERT_ISSUER_NOT_YET_VALID: "RFC 5280 §6.1.3",
  ERR_CERT_BAD_SIGNATURE: "RFC 5280 §6.1.3",
  ERR_CERT_UNTRUSTED: `${X509} §5.1, Federation §4.2`,
  ERR_CERT_NO_BUNDLE: `${X509} §5.1`,
  ERR_CERT_ISSUER_NOT_CA: `${X509} §4.1`,
  ERR_CERT_ISSUER_NO_KEY_CERT_SIGN: `${X509} §4.3`,
  ERR_CERT_ISSUER_ID: `${X509} §3.2`,
  ERR_CERT_PATH_LENGTH: "RFC 5280 §4.2.1.9",
  ERR_CERT_NAME_CONSTRAINT: "RFC 5280 §4.2.1.10",
  ERR_CERT_REVOKED: "RFC 5280 §6.3",
};

function sectionOf(code: CertErrorCode): string | undefined {
  return code.startsWith("ERR_CERT_ID_") ? "SPIFFE-ID §2" : SECTIONS[code];
}

function lifetime({ notBefore, notAfter }: Certificate, now: number): string {
  const state =
    now < notBefore ? "not begun" : now > notAfter ? "over" : `${Math.floor((notAfter - now) / 1000)} s left`;
  return `${formatTime(notBefore)} to ${formatTime(notAfter)}, ${state}`;
}

function name(certificate: Certificate): string {
  const uri = certificate.names.find((entry) => entry.kind === "uri");
  const serial = toHex(certificate.serial);
  return `${uri?.kind === "uri" ? uri.value : "no URI"}, serial ${serial}`;
}

function describe(certificates: readonly Certificate[], label: string, now: number): readonly string[] {
  return certificates.map((entry, i) => `${label}[${i}]: ${name(entry)}, valid ${lifetime(entry, now)}`);
}

function parsed(chain: ChainInput): readonly Certificate[] {
  try {
    return readChain(chain);
  } catch {
    // What is wrong with it stands in the verdict.
    return [];
  }
}

/** Judges a chain and says how the verdict came about. It costs more than judging: for people, not for each request. */
export function explainChain(
  chain: ChainInput,
  bundles: BundleSet,
  now: number,
  crypto: SignatureVerifier,
): Explanation {
  const attempts: PathAttempt[] = [];
  const verdict = verifyChain(chain, bundles, now, crypto, (attempt) => attempts.push(attempt));
  const id = verdict.kind === "verified" ? verdict.id : verdict.claimedId;
  const trustDomain = id && SpiffeId.trustDomain(id);
  const anchors = trustDomain && bundles.get(trustDomain)?.x509Authorities;
  const section = verdict.kind === "rejected" ? sectionOf(verdict.error.code) : undefined;
  const lines =
    verdict.kind === "verified"
      ? [`accepted: ${verdict.id}`]
      : [`rejected: ${verdict.error.message}`, ...(section ? [`rule: ${section}`] : [])];
  lines.push(`clock of the verifier: ${formatTime(now)}`, ...describe(parsed(chain), "chain", now));
  if (trustDomain) {
    if (anchors) lines.push(`authorities of ${trustDomain}: ${anchors.length}`, ...describe(anchors, "authority", now));
    else lines.push(`bundles: ${[...bundles.keys()].join(", ") || "none"}; none for ${trustDomain}`);
  }
  for (const { depth, issuer, isAnchor, error } of attempts) {
    const what = isAnchor ? "authority" : "intermediate";
    lines.push(`chain[${depth}] tried with ${what} ${name(issuer)}: ${error ? error.problem : "fits"}`);
  }
  return { verdict, section, now, anchors, attempts, text: `${lines.join("\n")}\n` };
}
