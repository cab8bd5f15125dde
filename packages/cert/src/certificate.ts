import { contextTag, DerReader, Tag } from "./der/reader.js";
import { readTime } from "./der/time.js";
import { CertError } from "./errors.js";
import { type Extensions, noExtensions, readExtensions } from "./extensions.js";
import { parsePem } from "./pem.js";
import { type KeyInfo, readKeyInfo } from "./public-key.js";

/** A certificate, taken apart as far as verification needs it; immutable. Times are milliseconds since 1970 UTC. */
export interface Certificate extends Extensions {
  /** The whole certificate in DER; the identity of the certificate is these bytes. */
  readonly der: Uint8Array;
  /** The part that is signed. */
  readonly tbs: Uint8Array;
  /** The serial number, big endian, as it is encoded. */
  readonly serial: Uint8Array;
  /** The issuer's name in DER: compared by bytes. */
  readonly issuer: Uint8Array;
  /** The subject's name in DER: compared by bytes. */
  readonly subject: Uint8Array;
  /** Whether the subject has no attribute at all. */
  readonly subjectEmpty: boolean;
  /** First instant of validity. */
  readonly notBefore: number;
  /** Last instant of validity, inclusive. */
  readonly notAfter: number;
  /** The public key and what is known about it. */
  readonly publicKey: KeyInfo;
  /** The signature algorithm and its parameters, in DER. */
  readonly signatureAlgorithm: Uint8Array;
  /** The signature of the issuer over {@link Certificate.tbs}. */
  readonly signature: Uint8Array;
}

/** Larger certificates are attacks; a leaf has under 1 KiB. */
const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** Compares byte strings; not in constant time, so for public values only. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const HEX_DIGITS = "0123456789abcdef";
const ascii = new TextDecoder("latin1");

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  const codes = new Uint8Array(bytes.length * 2);
  bytes.forEach((byte, i) => {
    codes[2 * i] = HEX_DIGITS.charCodeAt(byte >> 4);
    codes[2 * i + 1] = HEX_DIGITS.charCodeAt(byte & 15);
  });
  // Not put together piece by piece: such a text keeps all its pieces, fifteen times its size.
  return ascii.decode(codes);
}

/** Walks over a Name without understanding its attributes; says whether it has any. */
function checkName(name: Uint8Array, path: string): boolean {
  const rdns = new DerReader(name, path).enter();
  const empty = rdns.done;
  while (!rdns.done) {
    const rdn = rdns.enter(Tag.set);
    do {
      const attribute = rdn.enter();
      attribute.oid();
      attribute.next();
      attribute.end();
    } while (!rdn.done);
  }
  return empty;
}

/**
 * Reads one certificate in DER. What it says is not judged, only that it is one: nothing may follow, every length and
 * number is minimal, no extension stands twice.
 *
 * @param path - How to call the certificate in an error; default `certificate`.
 * @throws {@link CertError} `ERR_CERT_DER`, `ERR_CERT_MALFORMED`, `ERR_CERT_SERIAL`, `ERR_CERT_DUPLICATE_EXTENSION`.
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
export function parseCertificate(der: Uint8Array, path: string = "certificate"): Certificate {
  const malformed = (problem: string): CertError => new CertError("ERR_CERT_MALFORMED", path, problem);
  if (der.length > MAX_CERTIFICATE_BYTES) throw malformed(`larger than ${MAX_CERTIFICATE_BYTES} bytes`);
  const file = new DerReader(der, path);
  const whole = file.enter();
  file.end();
  const { bytes: tbs } = whole.next(Tag.sequence);
  const signatureAlgorithm = whole.next(Tag.sequence).bytes;
  const signature = whole.wholeBits();
  whole.end();

  const body = new DerReader(tbs, path).enter();
  const version = body.peek === contextTag(0) ? readVersion(body.enter(contextTag(0))) : 1;
  const serial = body.integer();
  if (serial.length > 21 || (serial[0] ?? 0) >= 0x80) {
    throw new CertError("ERR_CERT_SERIAL", path, "the serial number is negative or longer than 20 octets");
  }
  const innerAlgorithm = body.next(Tag.sequence).bytes;
  if (!sameBytes(innerAlgorithm, signatureAlgorithm)) throw malformed("two different signature algorithms");
  const issuer = body.next(Tag.sequence).bytes;
  checkName(issuer, path);
  const validity = body.enter();
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  validity.end();
  const subject = body.next(Tag.sequence).bytes;
  const subjectEmpty = checkName(subject, path);
  const publicKey = readKeyInfo(body.next(Tag.sequence).bytes, path);
  if (version >= 2) {
    body.optional(contextTag(1, false));
    body.optional(contextTag(2, false));
  }
  let extensions = noExtensions;
  if (version === 3 && body.peek === contextTag(3)) {
    const wrapper = body.enter(contextTag(3));
    const list = wrapper.enter();
    wrapper.end();
    extensions = readExtensions(list, path);
  }
  body.end();
  return {
    der,
    tbs,
    serial,
    issuer,
    subject,
    subjectEmpty,
    notBefore,
    notAfter,
    publicKey,
    signatureAlgorithm,
    signature,
    ...extensions,
  };
}

function readVersion(reader: DerReader): number {
  const version = reader.smallInteger() + 1;
  reader.end();
  // Version 1 is the default, which DER leaves out.
  if (version < 2 || version > 3) throw reader.fail("expected version 2 or 3");
  return version;
}

/**
 * Reads every certificate of a PEM text.
 *
 * @param path - How to call the text in an error; default `pem`.
 * @throws {@link CertError} `ERR_CERT_PEM` if there is no block or one of another kind, and what {@link parseCertificate} throws.
 */
export function parseCertificates(pem: string, path: string = "pem"): readonly Certificate[] {
  const blocks = parsePem(pem, path);
  if (blocks.length === 0) throw new CertError("ERR_CERT_PEM", path, "there is no certificate");
  return blocks.map(({ label, der }, index) => {
    const where = `${path}[${index}]`;
    if (label !== "CERTIFICATE") throw new CertError("ERR_CERT_PEM", where, `expected CERTIFICATE, got ${label}`);
    return parseCertificate(der, where);
  });
}
