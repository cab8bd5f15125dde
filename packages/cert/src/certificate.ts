import type { KeyInfo } from "./public-key.js";

/** One entry of a subject alternative name; kinds that no rule here looks at keep their tag only. */
export type GeneralName =
  | { readonly kind: "uri"; readonly value: string }
  | { readonly kind: "dns"; readonly value: string }
  | { readonly kind: "email"; readonly value: string }
  | { readonly kind: "ip"; readonly value: Uint8Array }
  | { readonly kind: "other"; readonly tag: number };

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

/** A list of subtrees of one direction, as far as they concern what an SVID holds. */
export interface NameConstraints {
  /** Subtrees of which a name of that kind must be in one. */
  readonly permitted: readonly GeneralName[];
  /** Subtrees that a name of that kind must not be in. */
  readonly excluded: readonly GeneralName[];
}

/** A certificate, taken apart as far as verification needs it; immutable. Times are milliseconds since 1970 UTC. */
export interface Certificate {
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
  /** Object identifier of the signature algorithm with its parameters, in DER. */
  readonly signatureAlgorithm: Uint8Array;
  /** The signature of the issuer over {@link Certificate.tbs}. */
  readonly signature: Uint8Array;
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
