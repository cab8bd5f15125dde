import { parseCertificates, sameBytes } from "./certificate.js";
import { CertError } from "./errors.js";
import type { SpiffeId } from "./spiffe-id.js";
import type { TrustBundle } from "./trust-bundle.js";
import { leafId } from "./x509-svid.js";

/** The type that Citadel gave to secrets with a certificate and its key. */
export const KEY_AND_CERT_TYPE = "istio.io/key-and-cert";

/** A secret that holds the certificate of one workload. */
export interface KeyAndCert {
  /** What the store knows it by, such as `shop/istio.web`. */
  readonly name: string;
  /** Whom the certificate is for. */
  readonly id: SpiffeId;
  /** The chain in PEM, leaf first; empty before the first one. */
  readonly certChain: string;
  /** The private key in PEM; empty before the first one. Secret. */
  readonly key: string;
  /** The roots in PEM. */
  readonly rootCert: string;
}

/** Where such secrets are kept: memory, files, or Kubernetes by whatever client there is. */
export interface KeyAndCertStore {
  /** All secrets that are to be looked after. */
  list(): Promise<readonly KeyAndCert[]>;
  /** Replaces one as a whole. */
  put(secret: KeyAndCert): Promise<void>;
}

/** Why a secret needs a new certificate. */
export type RenewalReason = "missing" | "unreadable" | "other-identity" | "near-end" | "root-changed";

/**
 * Says whether a secret needs a new certificate.
 *
 * @param graceRatio - The part of the lifetime that must be left, 0–1.
 * @param now - Milliseconds since 1970.
 */
export function renewalReason(
  secret: KeyAndCert,
  bundle: TrustBundle,
  graceRatio: number,
  now: number,
): RenewalReason | undefined {
  if (secret.certChain === "" || secret.key === "") return "missing";
  try {
    const [leaf] = parseCertificates(secret.certChain, "cert_chain");
    if (!leaf) return "missing";
    if (leafId(leaf) !== secret.id) return "other-identity";
    if (leaf.notAfter - now < graceRatio * (leaf.notAfter - leaf.notBefore)) return "near-end";
    const roots = parseCertificates(secret.rootCert, "root_cert");
    const wanted = bundle.x509Authorities;
    const same =
      roots.length === wanted.length &&
      roots.every((root, i) => sameBytes(root.der, wanted[i]?.der ?? new Uint8Array()));
    return same ? undefined : "root-changed";
  } catch (error) {
    if (error instanceof CertError) return "unreadable";
    throw error;
  }
}
