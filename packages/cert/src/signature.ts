import { Oid } from "./der/oids.js";
import { DerReader } from "./der/reader.js";
import { oid, sequence } from "./der/writer.js";
import type { KeyInfo } from "./public-key.js";

/** Hashes that signatures use. */
export type HashName = "sha256" | "sha384" | "sha512";

/** How a signature was made. */
export interface SignatureScheme {
  /** The family, which must fit the key. */
  readonly kind: "ecdsa" | "rsa" | "rsa-pss" | "ed25519";
  /** The hash; Ed25519 has its own and ignores it. */
  readonly hash: HashName;
}

/** What the core asks of a cryptographic library. `node:crypto` is one; the shell provides it. */
export interface SignatureVerifier {
  /** Says whether `signature` over `data` was made with the private half of `key`. False for anything odd; never throws. */
  verify(scheme: SignatureScheme, key: KeyInfo, data: Uint8Array, signature: Uint8Array): boolean;
}

const schemes: Readonly<Record<string, SignatureScheme>> = {
  [Oid.ecdsaSha256]: { kind: "ecdsa", hash: "sha256" },
  [Oid.ecdsaSha384]: { kind: "ecdsa", hash: "sha384" },
  [Oid.ecdsaSha512]: { kind: "ecdsa", hash: "sha512" },
  [Oid.rsaSha256]: { kind: "rsa", hash: "sha256" },
  [Oid.rsaSha384]: { kind: "rsa", hash: "sha384" },
  [Oid.rsaSha512]: { kind: "rsa", hash: "sha512" },
  [Oid.ed25519]: { kind: "ed25519", hash: "sha512" },
};

const pssHashes: Readonly<Record<string, { readonly hash: HashName; readonly salt: number }>> = {
  [Oid.sha256]: { hash: "sha256", salt: 32 },
  [Oid.sha384]: { hash: "sha384", salt: 48 },
  [Oid.sha512]: { hash: "sha512", salt: 64 },
};

function readHash(reader: DerReader): string {
  const algorithm = reader.enter();
  const id = algorithm.oid();
  if (!algorithm.done) algorithm.next(0x05);
  algorithm.end();
  return id;
}

/** RSASSA-PSS in the three forms that anybody uses: one hash everywhere, and a salt of its length. */
function readPss(algorithm: DerReader): SignatureScheme | undefined {
  const parameters = algorithm.enter();
  algorithm.end();
  const hashId = readHash(parameters.enter(0xa0));
  const mask = parameters.enter(0xa1).enter();
  const masked = mask.oid() === Oid.mgf1 ? readHash(mask) : "";
  const salt = parameters.enter(0xa2).smallInteger();
  if (!parameters.done && parameters.enter(0xa3).smallInteger() !== 1) return undefined;
  parameters.end();
  const form = pssHashes[hashId];
  return form && masked === hashId && form.salt === salt ? { kind: "rsa-pss", hash: form.hash } : undefined;
}

/** Reads an AlgorithmIdentifier; `undefined` if it is not one of the accepted, such as anything with SHA-1 or MD5. */
export function readScheme(bytes: Uint8Array, path: string): SignatureScheme | undefined {
  const outer = new DerReader(bytes, path);
  const algorithm = outer.enter();
  outer.end();
  const id = algorithm.oid();
  if (id === Oid.rsaPss) return readPss(algorithm);
  const scheme = schemes[id];
  // RSA writes a NULL here, which some leave out; the others write nothing.
  if (scheme?.kind === "rsa" && !algorithm.done) algorithm.next(0x05);
  return scheme && algorithm.done ? scheme : undefined;
}

/** Whether a key can have made signatures of this kind. */
export function schemeFits(scheme: SignatureScheme, key: KeyInfo): boolean {
  switch (scheme.kind) {
    case "ecdsa":
      return key.kind === "ec";
    case "rsa":
    case "rsa-pss":
      return key.kind === "rsa";
    case "ed25519":
      return key.kind === "ed25519";
  }
}

const NULL = Uint8Array.of(5, 0);

/** The AlgorithmIdentifier that a key signs with here: the hash goes with the size of the curve. */
export function schemeOf(key: KeyInfo): { readonly scheme: SignatureScheme; readonly identifier: Uint8Array } {
  if (key.kind === "ed25519") {
    return { scheme: { kind: "ed25519", hash: "sha512" }, identifier: sequence(oid(Oid.ed25519)) };
  }
  if (key.kind === "rsa")
    return { scheme: { kind: "rsa", hash: "sha256" }, identifier: sequence(oid(Oid.rsaSha256), NULL) };
  const hash: HashName = key.curve === Oid.p521 ? "sha512" : key.curve === Oid.p384 ? "sha384" : "sha256";
  const id = hash === "sha512" ? Oid.ecdsaSha512 : hash === "sha384" ? Oid.ecdsaSha384 : Oid.ecdsaSha256;
  return { scheme: { kind: "ecdsa", hash }, identifier: sequence(oid(id)) };
}
