/** Key algorithms that are accepted and can be generated. */
export type KeyAlgorithm = "P-256" | "P-384" | "P-521" | "Ed25519" | "RSA-2048" | "RSA-3072" | "RSA-4096";

/** A public key as it stands in a certificate or signing request. */
export interface KeyInfo {
  /** The SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
  /** The bits of the key: the point, the RSAPublicKey, or the Ed25519 key. */
  readonly bits: Uint8Array;
  /** The family of the algorithm; `unknown` is never accepted. */
  readonly kind: "ec" | "rsa" | "ed25519" | "unknown";
  /** The curve of an EC key as its object identifier, otherwise the empty string. */
  readonly curve: string;
  /** The size of an RSA modulus in bits, otherwise 0. */
  readonly modulusBits: number;
}
