/** Certificates of every shape, also those that no CA should issue. */
import { type Certificate, generateKey, type KeyAlgorithm, type PrivateKey, parseCertificate } from "@weftmesh/cert";
import { contextTag } from "../../packages/cert/src/der/reader.js";
import { writeTime } from "../../packages/cert/src/der/time.js";
import {
  bitString,
  boolean,
  der,
  integer,
  latin1,
  namedBits,
  octetString,
  oid,
  sequence,
} from "../../packages/cert/src/der/writer.js";
import { distinguishedName } from "../../packages/cert/src/profile.js";
import { schemeOf } from "../../packages/cert/src/signature.js";

/** Every test happens at this time. */
export const NOW = Date.UTC(2027, 0, 1);
export const HOUR = 3_600_000;

/** A certificate with its key. */
export interface Forged {
  readonly certificate: Certificate;
  readonly key: PrivateKey;
}

/** How a certificate deviates from a good leaf. */
export interface Recipe {
  readonly issuer?: Forged;
  readonly subject?: Uint8Array;
  readonly key?: PrivateKey;
  readonly keyAlgorithm?: KeyAlgorithm;
  readonly uris?: readonly string[];
  readonly sanCritical?: boolean;
  readonly keyUsage?: readonly number[];
  readonly keyUsageCritical?: boolean;
  readonly extendedKeyUsage?: readonly string[];
  readonly ca?: boolean;
  readonly pathLength?: number;
  readonly permittedUri?: string;
  readonly excludedUri?: string;
  readonly serial?: number;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extra?: readonly Uint8Array[];
  readonly signatureAlgorithm?: Uint8Array;
  readonly keyIds?: boolean;
}

export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** One extension. */
export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical ? sequence(oid(id), boolean(true), octetString(value)) : sequence(oid(id), octetString(value));
}

function constraints({ permittedUri, excludedUri }: Recipe): readonly Uint8Array[] {
  const subtree = (uri: string): Uint8Array => sequence(der(contextTag(6, false), latin1(uri)));
  const parts = [
    ...(permittedUri === undefined ? [] : [der(contextTag(0), subtree(permittedUri))]),
    ...(excludedUri === undefined ? [] : [der(contextTag(1), subtree(excludedUri))]),
  ];
  return parts.length === 0 ? [] : [extension("2.5.29.30", true, sequence(...parts))];
}

let serials = 1;

/** Makes a certificate; self-signed without an issuer. */
export function forge(recipe: Recipe = {}): Forged {
  const key = recipe.key ?? generateKey(recipe.keyAlgorithm);
  const issuer = recipe.issuer;
  const signer = issuer?.key ?? key;
  const ca = recipe.ca ?? false;
  const subject = recipe.subject ?? (ca ? distinguishedName("td.test", `ca ${serials}`) : sequence());
  const uris = recipe.uris ?? [ca ? "spiffe://td.test" : "spiffe://td.test/ns/shop/sa/web"];
  const keyUsage = recipe.keyUsage ?? (ca ? [5, 6] : [0, 2]);
  const keyId = (of: PrivateKey): Uint8Array => of.publicKey.bits.subarray(1, 21);
  const extensions = [
    ...(keyUsage.length === 0 ? [] : [extension("2.5.29.15", recipe.keyUsageCritical ?? true, namedBits(keyUsage))]),
    extension(
      "2.5.29.19",
      true,
      sequence(
        ...(ca ? [boolean(true)] : []),
        ...(recipe.pathLength === undefined ? [] : [integer(recipe.pathLength)]),
      ),
    ),
    ...(recipe.extendedKeyUsage ? [extension("2.5.29.37", false, sequence(...recipe.extendedKeyUsage.map(oid)))] : []),
    ...(uris.length === 0
      ? []
      : [
          extension(
            "2.5.29.17",
            recipe.sanCritical ?? true,
            sequence(...uris.map((uri) => der(contextTag(6, false), latin1(uri)))),
          ),
        ]),
    ...constraints(recipe),
    ...(recipe.keyIds === false
      ? []
      : [
          extension("2.5.29.14", false, octetString(keyId(key))),
          extension("2.5.29.35", false, sequence(der(contextTag(0, false), keyId(signer)))),
        ]),
    ...(recipe.extra ?? []),
  ];
  const algorithm = recipe.signatureAlgorithm ?? schemeOf(signer.publicKey).identifier;
  const tbs = sequence(
    der(contextTag(0), integer(2)),
    recipe.serial === undefined ? integer(++serials) : integer(recipe.serial),
    algorithm,
    issuer?.certificate.subject ?? subject,
    sequence(writeTime(recipe.notBefore ?? NOW - HOUR), writeTime(recipe.notAfter ?? NOW + HOUR)),
    subject,
    key.publicKey.spki,
    der(contextTag(3), sequence(...extensions)),
  );
  return { certificate: parseCertificate(sequence(tbs, algorithm, bitString(signer.sign(tbs)))), key };
}
