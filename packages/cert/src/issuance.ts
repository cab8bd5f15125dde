import type { IssuedSvid } from "./ca.js";
import { type Certificate, parseCertificate, sameBytes, toHex } from "./certificate.js";
import type { CertificateRequest } from "./csr.js";
import { CertError } from "./errors.js";
import { formatPem } from "./pem.js";
import { leafToBeSigned } from "./profile.js";
import type { KeyInfo } from "./public-key.js";
import { SpiffeId, type TrustDomain } from "./spiffe-id.js";
import type { BundleSet } from "./trust-bundle.js";
import { leafFlaw, leafId } from "./x509-svid.js";

/** The limits of a CA, in milliseconds. */
export interface IssuanceLimits {
  /** The lifetime if none is asked for. */
  readonly defaultTtlMs: number;
  /** The longest that may be asked for. */
  readonly maxTtlMs: number;
  /** How far back validity begins. */
  readonly backdateMs: number;
}

/** What one certificate is to be. */
export interface IssuanceOrder {
  /** The checked request, for its key. */
  readonly request: CertificateRequest;
  /** Who it is for. */
  readonly id: SpiffeId;
  /** The certificate that signs, then those above it without the root. */
  readonly issuers: readonly [Certificate, ...Certificate[]];
  /** The domain of the CA. */
  readonly trustDomain: TrustDomain;
  /** The lifetime asked for; zero or less means the default. */
  readonly ttlMs: number | undefined;
  /** The limits of the CA. */
  readonly limits: IssuanceLimits;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** A new serial number. */
  readonly serial: Uint8Array;
  /** The identifier of the key in the request. */
  readonly subjectKeyId: Uint8Array;
  /** Names for programs that know nothing of SPIFFE. */
  readonly dnsNames?: readonly string[];
}

function lifetime(order: IssuanceOrder): readonly [notBefore: number, notAfter: number] {
  const { limits, now, issuers } = order;
  for (const issuer of issuers) {
    if (!(now >= issuer.notBefore && now <= issuer.notAfter)) {
      throw new CertError("ERR_CERT_CA_NOT_READY", "ca", "the certificate of the CA is not valid now");
    }
  }
  const asked = order.ttlMs ?? 0;
  if (!(asked <= limits.maxTtlMs)) {
    throw new CertError(
      "ERR_CERT_TTL",
      "ttl",
      `${asked / 1000} s asked for, at most ${limits.maxTtlMs / 1000} s are given`,
    );
  }
  const ttl = asked > 0 ? asked : limits.defaultTtlMs;
  const notAfter = Math.min(Math.ceil((now + ttl) / 1000) * 1000, ...issuers.map((issuer) => issuer.notAfter));
  return [Math.floor((now - limits.backdateMs) / 1000) * 1000, notAfter];
}

const DNS_NAME = /^(?:\*\.)?[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/i;

/** A name with a comma or worse in it would be read as two by programs that split what OpenSSL prints. */
function checkDnsNames(names: readonly string[]): void {
  names.forEach((name, index) => {
    if (name.length <= 253 && DNS_NAME.test(name)) return;
    throw new CertError(
      "ERR_CERT_OPTION",
      `dns_names[${index}]`,
      `${JSON.stringify(name.slice(0, 255))} is no DNS name`,
    );
  });
}

/**
 * The bytes that the CA must sign.
 *
 * @throws {@link CertError} `ERR_CERT_TTL`, `ERR_CERT_CA_NOT_READY`, `ERR_CERT_CSR_POLICY` if the ID is of another trust domain or has no path.
 */
export function orderToBeSigned(order: IssuanceOrder): Uint8Array {
  checkDnsNames(order.dnsNames ?? []);
  const { id, request } = order;
  if (!SpiffeId.memberOf(id, order.trustDomain) || SpiffeId.path(id) === "") {
    throw new CertError("ERR_CERT_CSR_POLICY", "identity", `${id} is no workload of trust domain ${order.trustDomain}`);
  }
  const [issuer] = order.issuers;
  const [notBefore, notAfter] = lifetime(order);
  // Citadel's dual use: a request with a common name gets the identity there, never the text of the request.
  const commonName = request.hasCommonName && id.length <= 64 ? { commonName: id } : {};
  return leafToBeSigned({
    serial: order.serial,
    issuer: issuer.subject,
    notBefore,
    notAfter,
    publicKey: request.publicKey,
    subjectKeyId: order.subjectKeyId,
    issuerKey: issuer.publicKey,
    authorityKeyId: issuer.subjectKeyId,
    id,
    ...(order.dnsNames ? { dnsNames: order.dnsNames } : {}),
    ...commonName,
  });
}

/**
 * Reads a certificate back before it leaves, as a peer would: what we issue must pass what we verify.
 *
 * @throws {@link CertError} `ERR_CERT_ISSUED_PROFILE`.
 */
export function checkIssued(der: Uint8Array, order: IssuanceOrder): Certificate {
  const leaf = parseCertificate(der, "issued");
  const flaw = leafFlaw(leaf, leafId(leaf), order.now);
  const wrong =
    flaw?.[2] ??
    (leafId(leaf) === order.id ? undefined : "it has another ID") ??
    (sameBytes(leaf.publicKey.spki, order.request.publicKey.spki) ? undefined : "it has another key") ??
    (sameBytes(leaf.issuer, order.issuers[0].subject) ? undefined : "it has another issuer");
  if (wrong !== undefined) throw new CertError("ERR_CERT_ISSUED_PROFILE", "issued", wrong);
  return leaf;
}

/** Says whether the CA's key signed the leaf; asked before the leaf leaves. */
export function issuedSignatureError(): CertError {
  return new CertError("ERR_CERT_ISSUED_PROFILE", "issued", "its signature does not verify");
}

/** What the caller gets. */
export function issuedSvid(leaf: Certificate, order: IssuanceOrder, bundles: BundleSet): IssuedSvid {
  const chain = [leaf, ...withoutRoot(order.issuers)];
  return {
    id: order.id,
    serial: toHex(leaf.serial),
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    chain,
    chainPem: chain.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join(""),
    bundles,
  };
}

/** A self-signed certificate does not belong into a chain: whoever trusts it has it. */
function withoutRoot(issuers: readonly Certificate[]): readonly Certificate[] {
  return issuers.filter((issuer) => !sameBytes(issuer.subject, issuer.issuer));
}

/** A key identifier: the leftmost 160 bits of SHA-256, method 1 of RFC 7093. */
export function keyIdentifier(key: KeyInfo, sha256: (data: Uint8Array) => Uint8Array): Uint8Array {
  return sha256(key.bits).subarray(0, 20);
}
