import { createHash, randomBytes } from "node:crypto";
import { type CaCertificates, type CaMaterial, checkCaMaterial } from "../ca-material.js";
import { type Certificate, parseCertificate } from "../certificate.js";
import { assembleSigned } from "../csr.js";
import { keyIdentifier } from "../issuance.js";
import { formatPem } from "../pem.js";
import type { PrivateKey } from "../private-key.js";
import { caToBeSigned, distinguishedName } from "../profile.js";
import type { KeyAlgorithm, KeyInfo } from "../public-key.js";
import type { TrustDomain } from "../spiffe-id.js";
import { generateKey, importKey, nodeCrypto } from "./keys.js";

/** A certificate that signs, with its key and what leads from it to its roots. */
export interface Signer extends CaCertificates {
  readonly key: PrivateKey;
}

const sha256 = (data: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

/** The identifier of a key, as this package's certificates carry it. */
export function keyIdOf(key: KeyInfo): Uint8Array {
  return keyIdentifier(key, sha256);
}

const SERIAL_BYTES = 20;
let chance = new Uint8Array();
let used = 0;

/** 20 octets of which 158 bits are chance: positive, and never shorter. */
export function newSerial(): Uint8Array {
  // A call of the generator costs more than what it gives: enough for many at once.
  if (used === chance.length) {
    chance = new Uint8Array(randomBytes(SERIAL_BYTES * 128));
    used = 0;
  }
  const serial = chance.slice(used, used + SERIAL_BYTES);
  used += SERIAL_BYTES;
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** What a new root is to be. */
export interface RootRecipe {
  readonly trustDomain: TrustDomain;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly ttlMs: number;
  readonly backdateMs: number;
  readonly now: number;
}

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** Makes a key and a self-signed root for it. */
export function newRoot(recipe: RootRecipe): Signer {
  const { trustDomain, now } = recipe;
  const key = generateKey(recipe.keyAlgorithm);
  const subjectKeyId = keyIdOf(key.publicKey);
  // Two roots of one domain get two names: programs that look issuers up by name alone then find the right one.
  const subject = distinguishedName(trustDomain, `root ${Buffer.from(subjectKeyId.subarray(0, 4)).toString("hex")}`);
  const tbs = caToBeSigned({
    serial: newSerial(),
    issuer: subject,
    subject,
    trustDomain,
    notBefore: wholeSeconds(now - recipe.backdateMs),
    notAfter: wholeSeconds(now + recipe.ttlMs),
    publicKey: key.publicKey,
    subjectKeyId,
    issuerKey: key.publicKey,
    authorityKeyId: undefined,
  });
  const root = parseCertificate(assembleSigned(tbs, key.publicKey, key.sign(tbs)), "root");
  return { key, issuers: [root], roots: [root] };
}

/** Reads and checks a CA that was made elsewhere. */
export function pluggedIn(material: CaMaterial, trustDomain: TrustDomain, now: number): Signer {
  const key = importKey(material.caKey);
  return { key, ...checkCaMaterial(material, key.publicKey, trustDomain, now, nodeCrypto) };
}

/** Writes a signer down, key included: secret. */
export function toMaterial(signer: Signer): CaMaterial {
  const pem = (certificates: readonly Certificate[]): string =>
    certificates.map((certificate) => formatPem("CERTIFICATE", certificate.der)).join("");
  const [issuer, ...above] = signer.issuers;
  return {
    caCert: pem([issuer]),
    caKey: signer.key.exportPem(),
    certChain: pem(above),
    rootCert: pem(signer.roots),
  };
}
