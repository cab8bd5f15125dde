import type { Certificate } from "./certificate.js";
import { CertError } from "./errors.js";
import type { PrivateKey } from "./private-key.js";
import type { SpiffeId } from "./spiffe-id.js";
import type { BundleSet } from "./trust-bundle.js";

/** A certificate chain with its private key: what a workload proves its identity with. */
export interface X509Svid {
  /** The SPIFFE ID of the leaf. */
  readonly id: SpiffeId;
  /** The leaf first, then its issuers; the authority itself is not in it. */
  readonly chain: readonly Certificate[];
  /** The key of the leaf. */
  readonly key: PrivateKey;
  /** First instant of the leaf's validity, milliseconds since 1970. */
  readonly notBefore: number;
  /** Last instant of the leaf's validity, milliseconds since 1970. */
  readonly notAfter: number;
}

/** Who a workload is, and whom it trusts, at one moment. */
export interface Identity {
  /** The current certificate and key. */
  readonly svid: X509Svid;
  /** The current bundles, the workload's own trust domain among them. */
  readonly bundles: BundleSet;
  /** Grows by one with each change. */
  readonly version: number;
}

/**
 * Something that knows the identity of this workload and keeps it fresh: a {@link RotatingSource}, files, the Workload
 * API. The TLS helpers take one and follow it.
 */
export interface IdentitySource {
  /** The identity now; `undefined` before the first one has come. */
  current(): Identity | undefined;
  /**
   * Waits for the first identity.
   *
   * @throws the reason of `signal` if it is aborted before.
   */
  ready(signal?: AbortSignal): Promise<Identity>;
  /** Calls `listener` on each change, not for the current state; it must be quick. Disposing ends it. */
  watch(listener: (identity: Identity) => void): Disposable;
}

/** The answer of a CA: a chain, and the bundles that the CA distributes with it. */
export interface IssuedChain {
  /** The leaf first, then its issuers. */
  readonly chain: readonly Certificate[];
  /** What the CA says to trust from now on. */
  readonly bundles: BundleSet;
}

/** Whoever turns a signing request into a chain: a `Ca` in this process, or a client of one elsewhere. */
export interface SvidIssuer {
  /**
   * Asks for a certificate.
   *
   * @param csr - The signing request in DER.
   * @param options - The lifetime wanted, in milliseconds (default: the CA's), and a way to give up.
   */
  issue(csr: Uint8Array, options?: IssueOptions): Promise<IssuedChain>;
}

/** What may be said about a certificate when asking for it. */
export interface IssueOptions {
  /** The lifetime wanted, in milliseconds. Default: the CA's. */
  readonly ttlMs?: number;
  /** Ends the request. */
  readonly signal?: AbortSignal;
}

/** A source that never has a certificate: for configuration without TLS, and for configuration that is only judged. */
export const noIdentity: IdentitySource = {
  current: () => undefined,
  ready: () => Promise.reject(new CertError("ERR_CERT_NO_IDENTITY", "source", "this source never has a certificate")),
  watch: () => ({ [Symbol.dispose]: () => undefined }),
};
