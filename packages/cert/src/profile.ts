import { Oid } from "./der/oids.js";
import { contextTag } from "./der/reader.js";
import { writeTime } from "./der/time.js";
import {
  boolean,
  der,
  integer,
  latin1,
  namedBits,
  octetString,
  oid,
  sequence,
  set,
  unsignedInteger,
} from "./der/writer.js";
import { writeDns, writeUri } from "./general-name.js";
import type { KeyInfo } from "./public-key.js";
import { schemeOf } from "./signature.js";
import { type SpiffeId, TrustDomain } from "./spiffe-id.js";

const UTF8_STRING = 0x0c;
const encoder = new TextEncoder();

/** What every certificate needs. */
export interface CertificateFields {
  /** Positive, at most 20 octets, from a good source of chance. */
  readonly serial: Uint8Array;
  /** The issuer's name in DER. */
  readonly issuer: Uint8Array;
  /** First instant of validity, whole seconds, milliseconds since 1970. */
  readonly notBefore: number;
  /** Last instant of validity, whole seconds, milliseconds since 1970. */
  readonly notAfter: number;
  /** The key that is certified. */
  readonly publicKey: KeyInfo;
  /** An identifier of that key. */
  readonly subjectKeyId: Uint8Array;
  /** The key that will sign. */
  readonly issuerKey: KeyInfo;
  /** The identifier of that key; absent from self-signed certificates. */
  readonly authorityKeyId: Uint8Array | undefined;
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));
}

/** Writes a name of organisation and common name, either of which may be missing. */
export function distinguishedName(organization: string | undefined, commonName?: string): Uint8Array {
  const attribute = (id: string, value: string | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [set(sequence(oid(id), der(UTF8_STRING, encoder.encode(value))))];
  return sequence(...attribute(Oid.organization, organization), ...attribute(Oid.commonName, commonName));
}

const VERSION_3 = der(contextTag(0), integer(2));

function toBeSigned(fields: CertificateFields, subject: Uint8Array, extensions: readonly Uint8Array[]): Uint8Array {
  const keyIds = [extension(Oid.subjectKeyId, false, octetString(fields.subjectKeyId))];
  if (fields.authorityKeyId) {
    const value = sequence(der(contextTag(0, false), fields.authorityKeyId));
    keyIds.push(extension(Oid.authorityKeyId, false, value));
  }
  return sequence(
    VERSION_3,
    unsignedInteger(fields.serial),
    schemeOf(fields.issuerKey).identifier,
    fields.issuer,
    sequence(writeTime(fields.notBefore), writeTime(fields.notAfter)),
    subject,
    fields.publicKey.spki,
    der(contextTag(3), sequence(...extensions, ...keyIds)),
  );
}

const LEAF_EXTENSIONS: readonly Uint8Array[] = [
  // digitalSignature and keyEncipherment, as Citadel writes them for every kind of key.
  extension(Oid.keyUsage, true, namedBits([0, 2])),
  extension(Oid.extendedKeyUsage, false, sequence(oid(Oid.serverAuth), oid(Oid.clientAuth))),
  extension(Oid.basicConstraints, true, sequence()),
];

/** What a leaf has besides what every certificate has. */
export interface LeafFields extends CertificateFields {
  /** The identity that is certified. */
  readonly id: SpiffeId;
  /** DNS names for programs that know nothing of SPIFFE. */
  readonly dnsNames?: readonly string[];
  /** The common name; Citadel writes the ID here if the request has one. */
  readonly commonName?: string;
}

/**
 * The bytes of an X509-SVID that its issuer must sign.
 *
 * @see https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#appendix-a-x509-field-reference
 */
export function leafToBeSigned(fields: LeafFields): Uint8Array {
  const names = [writeUri(fields.id), ...(fields.dnsNames ?? []).map(writeDns)];
  return toBeSigned(fields, distinguishedName(undefined, fields.commonName), [
    ...LEAF_EXTENSIONS,
    extension(Oid.subjectAltName, true, sequence(...names)),
  ]);
}

/** What a CA's certificate has besides what every certificate has. */
export interface CaFields extends CertificateFields {
  /** Its name in DER; a root is its own issuer. */
  readonly subject: Uint8Array;
  /** The domain it signs for. */
  readonly trustDomain: TrustDomain;
  /** How many CAs may follow; absent means any number. */
  readonly pathLength?: number;
  /** The only host that URIs below it may have; absent means any. */
  readonly permittedHost?: string;
}

/** The bytes of a signing certificate that its issuer, or it itself, must sign. */
export function caToBeSigned(fields: CaFields): Uint8Array {
  const constraints =
    fields.pathLength === undefined ? sequence(boolean(true)) : sequence(boolean(true), integer(fields.pathLength));
  const host = fields.permittedHost;
  const subtree = host === undefined ? [] : [sequence(der(contextTag(6, false), latin1(host)))];
  const permitted = subtree.map((tree) => sequence(der(contextTag(0), tree)));
  return toBeSigned(fields, fields.subject, [
    ...permitted.map((constraint) => extension(Oid.nameConstraints, true, constraint)),
    extension(Oid.keyUsage, true, namedBits([5, 6])),
    extension(Oid.basicConstraints, true, constraints),
    extension(Oid.subjectAltName, false, sequence(writeUri(TrustDomain.id(fields.trustDomain)))),
  ]);
}
