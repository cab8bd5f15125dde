import { Oid } from "./der/oids.js";
import { contextTag, DerReader, Tag } from "./der/reader.js";
import { CertError } from "./errors.js";
import { type GeneralName, readGeneralName } from "./general-name.js";

/** What a key may be used for; absent from a certificate is not the same as none of these. */
export interface KeyUsage {
  /** Whether the extension is marked critical. */
  readonly critical: boolean;
  /** Bit 0: signatures other than on certificates and revocation lists. */
  readonly digitalSignature: boolean;
  /** Bit 2: keys may be encrypted to it. */
  readonly keyEncipherment: boolean;
  /** Bit 4: it may take part in key agreement. */
  readonly keyAgreement: boolean;
  /** Bit 5: it may sign certificates. */
  readonly keyCertSign: boolean;
  /** Bit 6: it may sign revocation lists. */
  readonly crlSign: boolean;
}

/** Subtrees that names below a CA must lie in, or must not. */
export interface NameConstraints {
  /** Subtrees of which a name of that kind must be in one. */
  readonly permitted: readonly GeneralName[];
  /** Subtrees that a name of that kind must not be in. */
  readonly excluded: readonly GeneralName[];
}

/** The extensions that verification looks at. */
export interface Extensions {
  /** Subject alternative names in the order of the certificate; empty if there is no such extension. */
  readonly names: readonly GeneralName[];
  /** Whether the subject alternative name extension is critical. */
  readonly namesCritical: boolean;
  /** The key usage, if the certificate has one. */
  readonly keyUsage: KeyUsage | undefined;
  /** Object identifiers of the extended key usage, if the certificate has one. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** Whether basic constraints say that this is a CA. */
  readonly ca: boolean;
  /** How many CAs may follow below this one, if it is limited. */
  readonly pathLength: number | undefined;
  /** The name constraints, if the certificate has them. */
  readonly nameConstraints: NameConstraints | undefined;
  /** The subject key identifier, if there is one. */
  readonly subjectKeyId: Uint8Array | undefined;
  /** The key identifier of the issuer, if the certificate names it. */
  readonly authorityKeyId: Uint8Array | undefined;
  /** Object identifiers of critical extensions that are not understood. */
  readonly unknownCritical: readonly string[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a certificate without extensions has. */
function none(): Mutable<Extensions> & { unknownCritical: string[] } {
  return {
    names: [],
    namesCritical: false,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    ca: false,
    pathLength: undefined,
    nameConstraints: undefined,
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    unknownCritical: [],
  };
}

function readKeyUsage(reader: DerReader, critical: boolean): KeyUsage {
  const { bytes } = reader.bits();
  const bit = (number: number): boolean => (((bytes[number >> 3] ?? 0) << (number & 7)) & 0x80) !== 0;
  return {
    critical,
    digitalSignature: bit(0),
    keyEncipherment: bit(2),
    keyAgreement: bit(4),
    keyCertSign: bit(5),
    crlSign: bit(6),
  };
}

function readSubtrees(reader: DerReader): readonly GeneralName[] {
  const subtrees: GeneralName[] = [];
  while (!reader.done) {
    const subtree = reader.enter();
    subtrees.push(readGeneralName(subtree));
    // Minimum must be 0, which DER leaves out, and maximum must be absent (RFC 5280 4.2.1.10).
    subtree.end();
  }
  if (subtrees.length === 0) throw reader.fail("a list of subtrees is empty");
  return subtrees;
}

function readNameConstraints(reader: DerReader): NameConstraints {
  const permitted = reader.peek === contextTag(0) ? readSubtrees(reader.enter(contextTag(0))) : [];
  const excluded = reader.peek === contextTag(1) ? readSubtrees(reader.enter(contextTag(1))) : [];
  reader.end();
  if (permitted.length + excluded.length === 0) throw reader.fail("name constraints are empty");
  return { permitted, excluded };
}

/** Reads the value of one extension into `into`; false if it is not one of those that are understood. */
function readExtension(id: string, critical: boolean, value: DerReader, into: Mutable<Extensions>): boolean {
  switch (id) {
    case Oid.subjectAltName: {
      const list = value.enter();
      const names: GeneralName[] = [];
      while (!list.done) names.push(readGeneralName(list));
      into.names = names;
      into.namesCritical = critical;
      return true;
    }
    case Oid.keyUsage:
      into.keyUsage = readKeyUsage(value, critical);
      return true;
    case Oid.extendedKeyUsage: {
      const list = value.enter();
      const usages: string[] = [];
      while (!list.done) usages.push(list.oid());
      if (usages.length === 0) throw list.fail("an extended key usage is empty");
      into.extendedKeyUsage = usages;
      return true;
    }
    case Oid.basicConstraints: {
      const fields = value.enter();
      into.ca = fields.peek === Tag.boolean ? fields.boolean() : false;
      into.pathLength = fields.done ? undefined : fields.smallInteger();
      fields.end();
      return true;
    }
    case Oid.nameConstraints: {
      const constraints = readNameConstraints(value.enter());
      into.nameConstraints = constraints;
      // A constraint on a kind of name that is not judged here must not be passed over in silence.
      return [...constraints.permitted, ...constraints.excluded].every((subtree) => subtree.kind !== "other");
    }
    case Oid.subjectKeyId:
      into.subjectKeyId = value.next(Tag.octetString).content;
      return true;
    case Oid.authorityKeyId: {
      const fields = value.enter();
      into.authorityKeyId = fields.optional(contextTag(0, false))?.content;
      return true;
    }
    case Oid.certificatePolicies:
      // Any policy will do: nothing here asks for one.
      value.next(Tag.sequence);
      return true;
    default:
      return false;
  }
}

/** Reads a list of extensions: of a certificate, or those that a signing request asks for. */
export function readExtensions(list: DerReader, path: string): Extensions {
  const extensions = none();
  const seen = new Set<string>();
  while (!list.done) {
    const entry = list.enter();
    const id = entry.oid();
    if (seen.has(id)) throw new CertError("ERR_CERT_DUPLICATE_EXTENSION", path, `extension ${id} stands there twice`);
    seen.add(id);
    const critical = entry.peek === Tag.boolean ? entry.boolean() : false;
    const value = new DerReader(entry.next(Tag.octetString).content, path);
    entry.end();
    if (readExtension(id, critical, value, extensions)) value.end();
    else if (critical) extensions.unknownCritical.push(id);
  }
  return extensions;
}

/** The extensions of a certificate that has none. */
export const noExtensions: Extensions = none();
