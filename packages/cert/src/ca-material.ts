import { type Certificate, parseCertificates, sameBytes } from "./certificate.js";
import { CertError } from "./errors.js";
import { findPath } from "./path.js";
import type { KeyInfo } from "./public-key.js";
import type { SignatureVerifier } from "./signature.js";
import type { TrustDomain } from "./spiffe-id.js";

/** A CA's certificates and key as text, from wherever they are kept. The key is secret. */
export interface CaMaterial {
  /** The certificate that signs, PEM: istio's `ca-cert.pem`. */
  readonly caCert: string;
  /** Its private key, PEM: istio's `ca-key.pem`. */
  readonly caKey: string;
  /** From the signing certificate, or its issuer, up to the root, PEM: istio's `cert-chain.pem`. Default: nothing between. */
  readonly certChain?: string;
  /** The root, PEM, with other roots to be trusted: istio's `root-cert.pem`. */
  readonly rootCert: string;
}

/** Certificates of a CA that fit together. */
export interface CaCertificates {
  /** The certificate that signs, then those above it, the root left out unless it is what signs. */
  readonly issuers: readonly [Certificate, ...Certificate[]];
  /** The roots to distribute. */
  readonly roots: readonly Certificate[];
}

/**
 * Checks what Citadel checks of a plugged-in CA: the chain leads to the root, the key belongs to the certificate, the
 * certificate is a CA's.
 *
 * @param publicKey - The public half of the key.
 * @throws {@link CertError} `ERR_CERT_KEY_MISMATCH`, and the codes of a path that does not hold.
 */
export function checkCaMaterial(
  material: Omit<CaMaterial, "caKey">,
  publicKey: KeyInfo,
  trustDomain: TrustDomain,
  now: number,
  crypto: SignatureVerifier,
): CaCertificates {
  const [issuer] = parseCertificates(material.caCert, "ca_cert");
  if (!issuer) throw new CertError("ERR_CERT_PEM", "ca_cert", "there is no certificate");
  if (!sameBytes(issuer.publicKey.spki, publicKey.spki)) {
    throw new CertError("ERR_CERT_KEY_MISMATCH", "ca_key", "the key does not belong to the certificate");
  }
  const chain = material.certChain?.includes("-----BEGIN ") ? parseCertificates(material.certChain, "cert_chain") : [];
  const roots = parseCertificates(material.rootCert, "root_cert");
  if (!issuer.ca)
    throw new CertError("ERR_CERT_ISSUER_NOT_CA", "ca_cert", "basic constraints do not say that it is a CA");
  if (!issuer.keyUsage?.keyCertSign) {
    throw new CertError("ERR_CERT_ISSUER_NO_KEY_CERT_SIGN", "ca_cert", "its key usage lacks keyCertSign");
  }
  if (roots.some((root) => sameBytes(root.der, issuer.der))) return { issuers: [issuer], roots };
  const path = findPath({ leaf: issuer, intermediates: chain, anchors: roots, trustDomain, now, crypto });
  if (path instanceof CertError) throw path;
  const [first, ...above] = path.slice(0, -1);
  return { issuers: [first ?? issuer, ...above], roots };
}
