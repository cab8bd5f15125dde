import { assembleSigned, csrToBeSigned } from "../csr.js";
import { formatPem } from "../pem.js";
import type { PrivateKey } from "../private-key.js";
import type { KeyAlgorithm } from "../public-key.js";
import type { SpiffeId } from "../spiffe-id.js";
import { generateKey } from "./keys.js";

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

/**
 * Makes a PKCS#10 signing request, and a key for it if none is given. The subject stays empty: an SVID's identity is
 * in its alternative name.
 *
 * @see https://www.rfc-editor.org/rfc/rfc2986
 */
export function createCsr(options: CsrOptions = {}): Csr {
  const key = options.key ?? generateKey(options.keyAlgorithm);
  const tbs = csrToBeSigned(key.publicKey, options.id);
  const der = assembleSigned(tbs, key.publicKey, key.sign(tbs));
  return { der, pem: formatPem("CERTIFICATE REQUEST", der), key };
}
