import { type Certificate, parseCertificate, parseCertificates } from "./certificate.js";
import { Oid } from "./der/oids.js";
import { formatTime } from "./der/time.js";
import { CertError, type CertErrorCode } from "./errors.js";
import type { TextName } from "./general-name.js";
import { findPath, MAX_CHAIN, type PathAttempt } from "./path.js";
import type { SvidVerdict } from "./peer.js";
import { keyFlaw } from "./public-key.js";
import { revocation } from "./revocation.js";
import type { SignatureVerifier } from "./signature.js";
import { SpiffeId } from "./spiffe-id.js";
import type { BundleSet } from "./trust-bundle.js";

/** A chain as it comes: PEM, or certificates in DER or taken apart, the leaf first. */
export type ChainInput = string | readonly (Certificate | Uint8Array)[];

/** Reads a chain, leaf first. */
export function readChain(chain: ChainInput): readonly [Certificate, ...Certificate[]] {
  if (typeof chain === "string" && !chain.includes("-----BEGIN ")) {
    throw new CertError("ERR_CERT_CHAIN_EMPTY", "chain", "there is no PEM block");
  }
  const certificates =
    typeof chain === "string"
      ? parseCertificates(chain, "chain")
      : chain
          .slice(0, MAX_CHAIN + 1)
          .map((entry, index) => (entry instanceof Uint8Array ? parseCertificate(entry, `chain[${index}]`) : entry));
  const [leaf, ...rest] = certificates;
  if (!leaf) throw new CertError("ERR_CERT_CHAIN_EMPTY", "chain", "there is no certificate");
  if (certificates.length > MAX_CHAIN) {
    throw new CertError("ERR_CERT_CHAIN_LENGTH", "chain", `more than ${MAX_CHAIN} certificates`);
  }
  return [leaf, ...rest];
}

/**
 * The SPIFFE ID of a leaf.
 *
 * @throws {@link CertError} `ERR_CERT_NO_URI_SAN`, `ERR_CERT_MULTIPLE_URI_SAN`, `ERR_CERT_ID_…`.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#2-spiffe-id
 */
export function leafId(leaf: Certificate): SpiffeId {
  const path = "chain[0].subject_alt_name";
  const [uri, second] = leaf.names.filter((name): name is TextName => name.kind === "uri");
  if (!uri) throw new CertError("ERR_CERT_NO_URI_SAN", path, "expected one URI, got none");
  if (second) throw new CertError("ERR_CERT_MULTIPLE_URI_SAN", path, "expected one URI, got several");
  return SpiffeId.parse(uri.value, path);
}

/** The rules that make a certificate an X509-SVID of a workload, in the order of the standard's section 5.2. */
export function leafFlaw(
  leaf: Certificate,
  id: SpiffeId,
  now: number,
): readonly [CertErrorCode, string, string] | undefined {
  const usage = leaf.keyUsage;
  if (leaf.ca) return ["ERR_CERT_LEAF_IS_CA", "basic_constraints", "the leaf is a CA; is the leaf first?"];
  if (SpiffeId.path(id) === "") {
    return ["ERR_CERT_LEAF_ROOT_ID", "subject_alt_name", `${id} is the ID of a trust domain, not of a workload`];
  }
  if (!usage) return ["ERR_CERT_KEY_USAGE_MISSING", "key_usage", "expected a key usage, got none"];
  if (usage.keyCertSign) return ["ERR_CERT_LEAF_KEY_CERT_SIGN", "key_usage", "a leaf must not have keyCertSign"];
  if (usage.crlSign) return ["ERR_CERT_LEAF_CRL_SIGN", "key_usage", "a leaf must not have cRLSign"];
  if (!usage.digitalSignature) {
    return ["ERR_CERT_LEAF_NO_DIGITAL_SIGNATURE", "key_usage", "a leaf must have digitalSignature"];
  }
  if (!usage.critical) return ["ERR_CERT_KEY_USAGE_NOT_CRITICAL", "key_usage", "must be critical"];
  const extended = leaf.extendedKeyUsage;
  if (extended && !(extended.includes(Oid.serverAuth) && extended.includes(Oid.clientAuth))) {
    return ["ERR_CERT_EXTENDED_KEY_USAGE", "extended_key_usage", "expected both serverAuth and clientAuth"];
  }
  if (leaf.subjectEmpty && !leaf.namesCritical) {
    return ["ERR_CERT_SAN_NOT_CRITICAL", "subject_alt_name", "must be critical, for the subject is empty"];
  }
  if (leaf.serial.every((byte) => byte === 0)) return ["ERR_CERT_SERIAL", "serial_number", "must be positive"];
  const [unknown] = leaf.unknownCritical;
  if (unknown) return ["ERR_CERT_CRITICAL_EXTENSION", "extensions", `critical extension ${unknown} is not understood`];
  const weak = keyFlaw(leaf.publicKey);
  if (weak) return [weak[0], "subject_public_key", weak[1]];
  // Turned round so that a clock that gives no number admits nothing.
  if (!(now >= leaf.notBefore)) {
    const problem = `begins ${formatTime(leaf.notBefore)}, it is ${formatTime(now)} by the clock of the verifier`;
    return ["ERR_CERT_NOT_YET_VALID", "not_before", problem];
  }
  if (!(now <= leaf.notAfter)) {
    const problem = `ended ${formatTime(leaf.notAfter)}, it is ${formatTime(now)} by the clock of the verifier`;
    return ["ERR_CERT_EXPIRED", "not_after", problem];
  }
  return undefined;
}

/**
 * Judges a chain: the leaf's own rules, then a path to an authority *of the trust domain that the leaf's ID names*.
 *
 * @param now - Milliseconds since 1970 by the clock of the verifier.
 * @see https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#5-validation
 */
export function verifyChain(
  chain: ChainInput,
  bundles: BundleSet,
  now: number,
  crypto: SignatureVerifier,
  onAttempt?: (attempt: PathAttempt) => void,
): SvidVerdict {
  let claimedId: SpiffeId | undefined;
  const reject = (error: CertError): SvidVerdict => ({ kind: "rejected", error, claimedId });
  try {
    const [leaf, ...intermediates] = readChain(chain);
    const id = leafId(leaf);
    claimedId = id;
    const flaw = leafFlaw(leaf, id, now);
    if (flaw) return reject(new CertError(flaw[0], `chain[0].${flaw[1]}`, flaw[2]));
    const trustDomain = SpiffeId.trustDomain(id);
    const bundle = bundles.get(trustDomain);
    if (!bundle) {
      return reject(new CertError("ERR_CERT_NO_BUNDLE", "bundles", `there is none for trust domain ${trustDomain}`));
    }
    const search = { leaf, intermediates, anchors: bundle.x509Authorities, trustDomain, now, crypto };
    const path = findPath(search, onAttempt);
    if (path instanceof CertError) return reject(path);
    const revoked = revocation(path, id, bundle, now, crypto);
    if (revoked) return reject(revoked);
    const anchor = path[path.length - 1] ?? leaf;
    return { kind: "verified", id, chain: path, anchor, notAfter: Math.min(...path.map((entry) => entry.notAfter)) };
  } catch (error) {
    if (error instanceof CertError) return reject(error);
    throw error;
  }
}
