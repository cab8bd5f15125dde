import { Oid } from "./der/oids.js";
import { DerReader } from "./der/reader.js";
import { CertError, type CertErrorCode } from "./errors.js";

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

/** The curves that are accepted, with the bytes of one coordinate. */
export const curves: Readonly<Record<string, { readonly name: "P-256" | "P-384" | "P-521"; readonly bytes: number }>> =
  {
    [Oid.p256]: { name: "P-256", bytes: 32 },
    [Oid.p384]: { name: "P-384", bytes: 48 },
    [Oid.p521]: { name: "P-521", bytes: 66 },
  };

/** The smallest RSA modulus that is accepted, in bits. */
const MIN_RSA_BITS = 2048;
/** Larger ones only make a verifier slow. */
const MAX_RSA_BITS = 8192;

function modulusBits(bytes: Uint8Array): number {
  const from = bytes[0] === 0 ? 1 : 0;
  const top = bytes[from] ?? 0;
  return (bytes.length - from) * 8 - (Math.clz32(top) - 24);
}

/** The two numbers of an RSA key, big endian, without a sign byte. */
export function rsaNumbers(bits: Uint8Array, path: string): { readonly n: Uint8Array; readonly e: Uint8Array } {
  const outer = new DerReader(bits, path);
  const inner = outer.enter();
  outer.end();
  const numbers = [inner.integer(), inner.integer()].map((number) => {
    if ((number[0] ?? 0) >= 0x80) throw inner.fail("a number of an RSA key is negative");
    return number[0] === 0 ? number.subarray(1) : number;
  });
  inner.end();
  const [n, e] = numbers;
  if (!n?.length || !e?.length) throw inner.fail("a number of an RSA key is zero");
  return { n, e };
}

/** Reads a SubjectPublicKeyInfo. A key of an unknown algorithm is read too; {@link keyFlaw} turns it away. */
export function readKeyInfo(spki: Uint8Array, path: string): KeyInfo {
  const outer = new DerReader(spki, path);
  const reader = outer.enter();
  outer.end();
  const algorithm = reader.enter();
  const bits = reader.wholeBits();
  reader.end();
  const key = { spki, bits, curve: "", modulusBits: 0 };
  const id = algorithm.oid();
  if (id === Oid.ecPublicKey) {
    // Explicit curve parameters have been used to forge roots (CVE-2020-0601): only named curves are read.
    const curve = algorithm.peek === 0x06 ? algorithm.oid() : "";
    return { ...key, kind: curve === "" ? "unknown" : "ec", curve };
  }
  if (id === Oid.rsaEncryption) {
    algorithm.next(0x05);
    algorithm.end();
    return { ...key, kind: "rsa", modulusBits: modulusBits(rsaNumbers(bits, path).n) };
  }
  if (id === Oid.ed25519) {
    algorithm.end();
    if (bits.length !== 32) throw reader.fail("an Ed25519 key has 32 bytes");
    return { ...key, kind: "ed25519" };
  }
  return { ...key, kind: "unknown" };
}

/** Says why a key is not accepted; `undefined` if it is. */
export function keyFlaw(key: KeyInfo): readonly [CertErrorCode, string] | undefined {
  switch (key.kind) {
    case "ed25519":
      return undefined;
    case "rsa":
      if (key.modulusBits < MIN_RSA_BITS) {
        return ["ERR_CERT_WEAK_KEY", `RSA with ${key.modulusBits} bits, at least ${MIN_RSA_BITS} are needed`];
      }
      return key.modulusBits > MAX_RSA_BITS
        ? ["ERR_CERT_UNSUPPORTED_KEY", `RSA with ${key.modulusBits} bits, at most ${MAX_RSA_BITS} are accepted`]
        : undefined;
    case "ec": {
      const curve = curves[key.curve];
      if (!curve) return ["ERR_CERT_UNSUPPORTED_KEY", `curve ${key.curve}, expected P-256, P-384 or P-521`];
      return key.bits.length === 1 + 2 * curve.bytes && key.bits[0] === 4
        ? undefined
        : ["ERR_CERT_UNSUPPORTED_KEY", `not an uncompressed point of ${curve.name}`];
    }
    case "unknown":
      return ["ERR_CERT_UNSUPPORTED_KEY", "expected EC on a named curve, RSA or Ed25519"];
  }
}

/** Throws what {@link keyFlaw} finds. */
export function checkKey(key: KeyInfo, path: string): void {
  const flaw = keyFlaw(key);
  if (flaw) throw new CertError(flaw[0], path, flaw[1]);
}
