import type { PrivateKey } from "../private-key.js";
import type { KeyAlgorithm } from "../public-key.js";
import type { SpiffeId } from "../spiffe-id.js";
/** A signing request with the key it is for. */
export interface Csr {
  /** The request in DER. */
  readonly der: Uint8Array;
  /** The request in PEM. */
  readonly pem: string;
  /** The key that the certificate will be for. */
  readonly key: PrivateKey;
}
/** How a signing request is made. */
export interface CsrOptions {
  /** The ID to ask for; a CA that knows better ignores it. Default: none. */
  readonly id?: SpiffeId;
  /** The key to use. Default: a new one. */
  readonly key?: PrivateKey;
  /** The algorithm of a new key. Default: `P-256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
}
/** Makes a key, if none is given, and a signing request for it. */
export declare function createCsr(options?: CsrOptions): Csr;
