import type { KeyAlgorithm, KeyInfo } from "./public-key.js";

/**
 * A private key that does not print: `JSON.stringify`, `util.inspect` and template strings show its algorithm only.
 * What leaves it does so through a method whose name says so.
 */
export interface PrivateKey {
  /** What kind of key it is. */
  readonly algorithm: KeyAlgorithm;
  /** The public half. */
  readonly publicKey: KeyInfo;
  /** Signs with the usual hash of the key: SHA-256 for P-256 and RSA, SHA-384 and SHA-512 for the larger curves. */
  sign(data: Uint8Array): Uint8Array;
  /** As {@link PrivateKey.sign}, on the thread pool. */
  signAsync(data: Uint8Array): Promise<Uint8Array>;
  /** The key itself as PKCS#8 in PEM: secret. */
  exportPem(): string;
  /** The key itself as PKCS#8 in DER: secret. */
  exportDer(): Uint8Array;
}
