import { type Certificate, sameBytes } from "./certificate.js";
import { formatTime } from "./der/time.js";
import { CertError, type CertErrorCode } from "./errors.js";
import { constrainedName } from "./name-constraints.js";
import { keyFlaw } from "./public-key.js";
import { readScheme, type SignatureVerifier, schemeFits } from "./signature.js";
import { SpiffeId, type TrustDomain } from "./spiffe-id.js";

/** No chain in use is longer; a longer one only costs time. */
export const MAX_CHAIN = 16;
/** How many signatures one verification may check, so that a crafted pile of intermediates ends soon. Go's limit. */
const MAX_SIGNATURES = 100;

/** What a search needs to know. */
export interface PathSearch {
  /** The certificate to start from; its own rules have been checked. */
  readonly leaf: Certificate;
  /** What the peer sent along. */
  readonly intermediates: readonly Certificate[];
  /** Where a path may end. */
  readonly anchors: readonly Certificate[];
  /** Whose authorities the anchors are. */
  readonly trustDomain: TrustDomain;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The cryptographic library. */
  readonly crypto: SignatureVerifier;
}

/** One attempt to go from a certificate to its issuer, for explanations. */
export interface PathAttempt {
  /** How many links below it had been made. */
  readonly depth: number;
  /** The certificate whose issuer was looked for. */
  readonly subject: Certificate;
  /** The issuer that was tried. */
  readonly issuer: Certificate;
  /** Whether that issuer is one of the anchors. */
  readonly isAnchor: boolean;
  /** Why it did not fit; `undefined` if it did. */
  readonly error: CertError | undefined;
}

type Flaw = readonly [CertErrorCode, string] | undefined;

function keyIdFit(subject: Certificate, issuer: Certificate): number {
  if (!subject.authorityKeyId || !issuer.subjectKeyId) return 1;
  return sameBytes(subject.authorityKeyId, issuer.subjectKeyId) ? 2 : 0;
}

function signatureFlaw(subject: Certificate, issuer: Certificate, crypto: SignatureVerifier): Flaw {
  const weakKey = keyFlaw(issuer.publicKey);
  if (weakKey) return weakKey;
  const scheme = readScheme(subject.signatureAlgorithm, "signature_algorithm");
  if (!scheme) return ["ERR_CERT_WEAK_SIGNATURE", "the signature algorithm is not one of the accepted"];
  const good =
    schemeFits(scheme, issuer.publicKey) && crypto.verify(scheme, issuer.publicKey, subject.tbs, subject.signature);
  if (good) return undefined;
  return keyIdFit(subject, issuer) === 0
    ? ["ERR_CERT_UNTRUSTED", "an authority of that name has another key"]
    : ["ERR_CERT_BAD_SIGNATURE", "the key of the issuer it names did not sign it"];
}

/** The rules of RFC 5280 6.1.4 and X509-SVID 4 for a certificate that signs others. */
function issuerFlaw(issuer: Certificate, below: readonly Certificate[], search: PathSearch): Flaw {
  const { now } = search;
  const [unknown] = issuer.unknownCritical;
  if (unknown) return ["ERR_CERT_CRITICAL_EXTENSION", `critical extension ${unknown} is not understood`];
  if (!issuer.ca) return ["ERR_CERT_ISSUER_NOT_CA", "basic constraints do not say that it is a CA"];
  if (!issuer.keyUsage?.keyCertSign) return ["ERR_CERT_ISSUER_NO_KEY_CERT_SIGN", "its key usage lacks keyCertSign"];
  if (!(now >= issuer.notBefore)) {
    return ["ERR_CERT_ISSUER_NOT_YET_VALID", `begins ${formatTime(issuer.notBefore)}, it is ${formatTime(now)}`];
  }
  if (!(now <= issuer.notAfter)) {
    return ["ERR_CERT_ISSUER_EXPIRED", `ended ${formatTime(issuer.notAfter)}, it is ${formatTime(now)}`];
  }
  // Self-issued CAs do not count (RFC 5280 4.2.1.9); the leaf, which is below[0], never does.
  const depth = below.slice(1).filter((certificate) => !sameBytes(certificate.subject, certificate.issuer)).length;
  if (issuer.pathLength !== undefined && depth > issuer.pathLength) {
    return ["ERR_CERT_PATH_LENGTH", `allows ${issuer.pathLength} CAs below it, there are ${depth}`];
  }
  for (const certificate of below) {
    const name = constrainedName(issuer, certificate);
    if (name) return ["ERR_CERT_NAME_CONSTRAINT", `its name constraints do not permit a ${name.kind} name below it`];
  }
  return issuerIdFlaw(issuer, search.trustDomain);
}

/** A signing certificate need not have an ID; if it has one, it is that of the trust domain. */
function issuerIdFlaw(issuer: Certificate, trustDomain: TrustDomain): Flaw {
  const uri = issuer.names.find((name) => name.kind === "uri" && name.value.startsWith("spiffe://"));
  if (uri?.kind !== "uri" || !SpiffeId.is(uri.value)) return undefined;
  return SpiffeId.path(uri.value) !== "" || SpiffeId.trustDomain(uri.value) !== trustDomain
    ? ["ERR_CERT_ISSUER_ID", `its ID ${uri.value} is not that of trust domain ${trustDomain}`]
    : undefined;
}

/** Finds a path from the leaf to an anchor; every candidate is tried, those whose key identifiers fit first. */
export function findPath(
  search: PathSearch,
  onAttempt?: (attempt: PathAttempt) => void,
): readonly Certificate[] | CertError {
  let budget = MAX_SIGNATURES;
  let best: { readonly depth: number; readonly error: CertError } | undefined;

  const note = (depth: number, error: CertError): void => {
    const better =
      best === undefined ||
      depth > best.depth ||
      (depth === best.depth && best.error.code === "ERR_CERT_UNTRUSTED" && error.code !== "ERR_CERT_UNTRUSTED");
    if (better) best = { depth, error };
  };

  const extend = (below: readonly Certificate[]): readonly Certificate[] | undefined => {
    const subject = below[below.length - 1];
    if (!subject || below.length > MAX_CHAIN) return undefined;
    const depth = below.length - 1;
    const fits = (issuer: Certificate): boolean =>
      sameBytes(subject.issuer, issuer.subject) && !below.some((certificate) => sameBytes(certificate.der, issuer.der));
    const candidates = [
      ...search.anchors.filter(fits).map((issuer) => ({ issuer, isAnchor: true })),
      ...search.intermediates.filter(fits).map((issuer) => ({ issuer, isAnchor: false })),
    ].sort((a, b) => keyIdFit(subject, b.issuer) - keyIdFit(subject, a.issuer));
    for (const { issuer, isAnchor } of candidates) {
      if (budget-- <= 0) return undefined;
      const flaw = signatureFlaw(subject, issuer, search.crypto) ?? issuerFlaw(issuer, below, search);
      const error = flaw && new CertError(flaw[0], `chain[${depth}].issuer`, flaw[1]);
      onAttempt?.({ depth, subject, issuer, isAnchor, error });
      if (error) {
        note(depth, error);
        continue;
      }
      const path = isAnchor ? [...below, issuer] : extend([...below, issuer]);
      if (path) return path;
    }
    note(
      depth,
      new CertError(
        "ERR_CERT_UNTRUSTED",
        `chain[${depth}]`,
        `no authority of trust domain ${search.trustDomain} and no certificate of the chain issued it`,
      ),
    );
    return undefined;
  };

  const path = extend([search.leaf]);
  if (path) return path;
  return best?.error ?? new CertError("ERR_CERT_UNTRUSTED", "chain", "no path was found within the limits");
}
