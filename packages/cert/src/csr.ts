import { Oid } from "./der/oids.js";
import { contextTag, DerReader, Tag } from "./der/reader.js";
import { bitString, boolean, der, integer, octetString, oid, sequence, set } from "./der/writer.js";
import { CertError } from "./errors.js";
import { type Extensions, noExtensions, readExtensions } from "./extensions.js";
import { writeUri } from "./general-name.js";
import { parsePem } from "./pem.js";
import { checkKey, type KeyInfo, readKeyInfo } from "./public-key.js";
import { readScheme, type SignatureScheme, schemeFits, schemeOf } from "./signature.js";
import type { SpiffeId } from "./spiffe-id.js";

/** A signing request, taken apart. Of what it asks for, only the key is ever used. */
export interface CertificateRequest {
  /** The whole request in DER. */
  readonly der: Uint8Array;
  /** The part that is signed. */
  readonly tbs: Uint8Array;
  /** The key it asks for. */
  readonly publicKey: KeyInfo;
  /** The subject it asks for, in DER. */
  readonly subject: Uint8Array;
  /** Whether the subject has a common name; Citadel then writes one of its own. */
  readonly hasCommonName: boolean;
  /** How it is signed. */
  readonly scheme: SignatureScheme;
  /** Its signature, to be made by the key it asks for. */
  readonly signature: Uint8Array;
  /** The extensions it asks for. */
  readonly requested: Extensions;
}

const MAX_CSR_BYTES = 64 * 1024;
const LABELS = new Set(["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]);

function csrBytes(input: Uint8Array | string): Uint8Array {
  const size = input.length;
  if (size > MAX_CSR_BYTES) {
    throw new CertError("ERR_CERT_CSR_TOO_LARGE", "csr", `${size} bytes, at most ${MAX_CSR_BYTES} are read`);
  }
  if (typeof input !== "string") return input;
  const blocks = parsePem(input, "csr");
  const [block] = blocks;
  if (!block || blocks.length > 1 || !LABELS.has(block.label)) {
    throw new CertError("ERR_CERT_CSR_MALFORMED", "csr", "expected one PEM block, a CERTIFICATE REQUEST");
  }
  return block.der;
}

function readAttributes(attributes: DerReader): Extensions {
  let requested = noExtensions;
  let seen = false;
  while (!attributes.done) {
    const attribute = attributes.enter();
    const id = attribute.oid();
    const values = attribute.enter(Tag.set);
    attribute.end();
    if (id !== Oid.extensionRequest) continue;
    if (seen) throw values.fail("extensions are requested twice");
    seen = true;
    requested = readExtensions(values.enter(), "csr");
    values.end();
  }
  return requested;
}

function hasCommonName(subject: Uint8Array): boolean {
  const rdns = new DerReader(subject, "csr").enter();
  let found = false;
  while (!rdns.done) {
    const rdn = rdns.enter(Tag.set);
    do {
      const attribute = rdn.enter();
      found = attribute.oid() === Oid.commonName || found;
      attribute.next();
      attribute.end();
    } while (!rdn.done);
  }
  return found;
}

function readRequest(bytes: Uint8Array): CertificateRequest {
  const file = new DerReader(bytes, "csr");
  const whole = file.enter();
  file.end();
  const { bytes: tbs } = whole.next(Tag.sequence);
  const algorithm = whole.next(Tag.sequence).bytes;
  const signature = whole.wholeBits();
  whole.end();
  const info = new DerReader(tbs, "csr").enter();
  if (info.smallInteger() !== 0) throw info.fail("expected version 1");
  const subject = info.next(Tag.sequence).bytes;
  const publicKey = readKeyInfo(info.next(Tag.sequence).bytes, "csr");
  const requested = readAttributes(info.enter(contextTag(0)));
  info.end();
  const scheme = readScheme(algorithm, "csr");
  if (!scheme)
    throw new CertError("ERR_CERT_WEAK_SIGNATURE", "csr", "the signature algorithm is not one of the accepted");
  return {
    der: bytes,
    tbs,
    publicKey,
    subject,
    hasCommonName: hasCommonName(subject),
    scheme,
    signature,
    requested,
  };
}

/**
 * Reads a PKCS#10 signing request and checks its key; whoever uses it must still check its signature.
 *
 * @param input - DER, or PEM with exactly one block.
 * @throws {@link CertError} `ERR_CERT_CSR_TOO_LARGE`, `ERR_CERT_CSR_MALFORMED`, `ERR_CERT_WEAK_KEY`, `ERR_CERT_UNSUPPORTED_KEY`, `ERR_CERT_WEAK_SIGNATURE`.
 * @see https://www.rfc-editor.org/rfc/rfc2986#section-4
 */
export function parseCsr(input: Uint8Array | string): CertificateRequest {
  let request: CertificateRequest;
  try {
    request = readRequest(csrBytes(input));
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const malformed =
      error.code === "ERR_CERT_DER" || error.code === "ERR_CERT_PEM" || error.code === "ERR_CERT_DUPLICATE_EXTENSION";
    throw malformed ? new CertError("ERR_CERT_CSR_MALFORMED", "csr", error.problem) : error;
  }
  checkKey(request.publicKey, "csr.subject_public_key");
  return request;
}

/** The error for a request whose signature does not hold, or was not made by its key's kind. */
export function csrSignatureError(): CertError {
  return new CertError("ERR_CERT_CSR_SIGNATURE", "csr.signature", "not made by the key that the request is for");
}

/** Whether the kind of signature fits the key of the request. */
export function csrSchemeFits(request: CertificateRequest): boolean {
  return schemeFits(request.scheme, request.publicKey);
}

/** The bytes of a request that its key must sign, with an empty subject. */
export function csrToBeSigned(key: KeyInfo, id: SpiffeId | undefined): Uint8Array {
  const names =
    id === undefined ? [] : [sequence(oid(Oid.subjectAltName), boolean(true), octetString(sequence(writeUri(id))))];
  const attributes = names.length === 0 ? [] : [sequence(oid(Oid.extensionRequest), set(sequence(...names)))];
  return sequence(integer(0), sequence(), key.spki, der(contextTag(0), ...attributes));
}

/** Puts the signature to what was signed. */
export function assembleSigned(tbs: Uint8Array, key: KeyInfo, signature: Uint8Array): Uint8Array {
  return sequence(tbs, schemeOf(key).identifier, bitString(signature));
}
