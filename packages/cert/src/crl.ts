import { type Certificate, toHex } from "./certificate.js";
import { Oid } from "./der/oids.js";
import { contextTag, DerReader, Tag } from "./der/reader.js";
import { readTime, writeTime } from "./der/time.js";
import { der, integer, octetString, oid, sequence, unsignedInteger } from "./der/writer.js";
import { CertError } from "./errors.js";
import { parsePem } from "./pem.js";
import { schemeOf } from "./signature.js";

/** A revocation list, taken apart; nothing of it is proved until its signature is. */
export interface RevocationList {
  /** The whole list in DER. */
  readonly der: Uint8Array;
  /** The part that is signed. */
  readonly tbs: Uint8Array;
  /** The name of the CA whose certificates it lists, in DER. */
  readonly issuer: Uint8Array;
  /** When it was made, milliseconds since 1970. */
  readonly thisUpdate: number;
  /** When a newer one is due; `undefined` if the list does not say. */
  readonly nextUpdate: number | undefined;
  /** Serial numbers in lower-case hexadecimal, as encoded, with the time of revocation. */
  readonly revoked: ReadonlyMap<string, number>;
  /** The identifier of the key that signed it, if it says so. */
  readonly authorityKeyId: Uint8Array | undefined;
  /** The signature algorithm and its parameters, in DER. */
  readonly signatureAlgorithm: Uint8Array;
  /** The signature. */
  readonly signature: Uint8Array;
}

const MAX_CRL_BYTES = 8 * 1024 * 1024;

function readEntries(list: DerReader): ReadonlyMap<string, number> {
  const revoked = new Map<string, number>();
  while (!list.done) {
    const entry = list.enter();
    const serial = toHex(entry.integer());
    revoked.set(serial, readTime(entry));
    if (!entry.done) {
      const extensions = entry.enter();
      while (!extensions.done) {
        const extension = extensions.enter();
        const id = extension.oid();
        const critical = extension.peek === Tag.boolean ? extension.boolean() : false;
        extension.next(Tag.octetString);
        extension.end();
        // A critical one may say that the entry is for another issuer, so that nothing can be concluded from it.
        if (critical && id !== Oid.crlReason) throw entry.fail(`critical entry extension ${id} is not understood`);
      }
    }
    entry.end();
  }
  return revoked;
}

function readListExtensions(list: DerReader): Uint8Array | undefined {
  let authorityKeyId: Uint8Array | undefined;
  while (!list.done) {
    const extension = list.enter();
    const id = extension.oid();
    const critical = extension.peek === Tag.boolean ? extension.boolean() : false;
    const value = new DerReader(extension.next(Tag.octetString).content, "crl");
    extension.end();
    if (id === Oid.authorityKeyId) authorityKeyId = value.enter().optional(contextTag(0, false))?.content;
    else if (id === Oid.deltaCrl || (critical && id !== Oid.crlNumber)) {
      throw list.fail(`a list with extension ${id} does not tell about all certificates`);
    }
  }
  return authorityKeyId;
}

/**
 * Reads a revocation list. Delta lists and lists of a part of the certificates are refused: what they leave out would
 * look as if it were not revoked.
 *
 * @param input - DER, or PEM with one `X509 CRL` block.
 * @throws {@link CertError} `ERR_CERT_DER`, `ERR_CERT_PEM`, `ERR_CERT_MALFORMED`.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-5
 */
export function parseCrl(input: Uint8Array | string): RevocationList {
  let bytes: Uint8Array;
  if (typeof input === "string") {
    const blocks = parsePem(input, "crl");
    const [block] = blocks;
    if (!block || blocks.length > 1 || block.label !== "X509 CRL") {
      throw new CertError("ERR_CERT_PEM", "crl", "expected one X509 CRL block");
    }
    bytes = block.der;
  } else bytes = input;
  if (bytes.length > MAX_CRL_BYTES)
    throw new CertError("ERR_CERT_MALFORMED", "crl", `larger than ${MAX_CRL_BYTES} bytes`);
  const file = new DerReader(bytes, "crl");
  const whole = file.enter();
  file.end();
  const { bytes: tbs } = whole.next(Tag.sequence);
  const signatureAlgorithm = whole.next(Tag.sequence).bytes;
  const signature = whole.wholeBits();
  whole.end();
  const body = new DerReader(tbs, "crl").enter();
  if (body.peek === Tag.integer && body.smallInteger() !== 1) throw body.fail("expected version 2");
  body.next(Tag.sequence);
  const issuer = body.next(Tag.sequence).bytes;
  const thisUpdate = readTime(body);
  const nextUpdate = body.peek === Tag.utcTime || body.peek === Tag.generalizedTime ? readTime(body) : undefined;
  const revoked = body.peek === Tag.sequence ? readEntries(body.enter()) : new Map<string, number>();
  const authorityKeyId =
    body.peek === contextTag(0) ? readListExtensions(body.enter(contextTag(0)).enter()) : undefined;
  body.end();
  return { der: bytes, tbs, issuer, thisUpdate, nextUpdate, revoked, authorityKeyId, signatureAlgorithm, signature };
}

/** What a new revocation list says. */
export interface CrlFields {
  /** The CA that signs it. */
  readonly issuer: Certificate;
  /** Grows with each list. */
  readonly number: number;
  /** When it is made, milliseconds since 1970. */
  readonly thisUpdate: number;
  /** When the next one is due, milliseconds since 1970. */
  readonly nextUpdate: number;
  /** Serial numbers with the time of revocation. */
  readonly revoked: readonly { readonly serial: Uint8Array; readonly at: number }[];
}

/** The bytes of a revocation list that its CA must sign. */
export function crlToBeSigned(fields: CrlFields): Uint8Array {
  const entries = fields.revoked.map(({ serial, at }) => sequence(unsignedInteger(serial), writeTime(at)));
  const extensions = [sequence(oid(Oid.crlNumber), octetString(integer(fields.number)))];
  if (fields.issuer.subjectKeyId) {
    const keyId = sequence(der(contextTag(0, false), fields.issuer.subjectKeyId));
    extensions.push(sequence(oid(Oid.authorityKeyId), octetString(keyId)));
  }
  return sequence(
    integer(1),
    schemeOf(fields.issuer.publicKey).identifier,
    fields.issuer.subject,
    writeTime(fields.thisUpdate),
    writeTime(fields.nextUpdate),
    // An empty list of entries must be left out.
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    der(contextTag(0), sequence(...extensions)),
  );
}
