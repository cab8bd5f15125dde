import { type Certificate, sameBytes, toHex } from "./certificate.js";
import type { RevocationList } from "./crl.js";
import { formatTime } from "./der/time.js";
import { CertError } from "./errors.js";
import { readScheme, type SignatureVerifier, schemeFits } from "./signature.js";
import type { SpiffeId } from "./spiffe-id.js";
import type { Denial, TrustBundle } from "./trust-bundle.js";

/** A list proves itself against one issuer once: lists and certificates are immutable. */
const proved = new WeakMap<RevocationList, WeakMap<Certificate, boolean>>();

function isListOf(list: RevocationList, issuer: Certificate, crypto: SignatureVerifier): boolean {
  if (!sameBytes(list.issuer, issuer.subject)) return false;
  let byIssuer = proved.get(list);
  if (!byIssuer) {
    byIssuer = new WeakMap();
    proved.set(list, byIssuer);
  }
  let good = byIssuer.get(issuer);
  if (good === undefined) {
    const scheme = readScheme(list.signatureAlgorithm, "crl");
    good =
      scheme !== undefined &&
      issuer.keyUsage?.crlSign === true &&
      schemeFits(scheme, issuer.publicKey) &&
      crypto.verify(scheme, issuer.publicKey, list.tbs, list.signature);
    byIssuer.set(issuer, good);
  }
  return good;
}

function revokedBy(
  certificate: Certificate,
  issuer: Certificate,
  bundle: TrustBundle,
  now: number,
  crypto: SignatureVerifier,
): string | undefined {
  const serial = toHex(certificate.serial);
  // An old list still revokes what it revokes: nothing is ever taken off while it is valid.
  for (const list of bundle.crls ?? []) {
    const at = list.revoked.get(serial);
    if (at !== undefined && list.thisUpdate <= now && isListOf(list, issuer, crypto)) {
      return `revoked ${formatTime(at)} by the list of ${formatTime(list.thisUpdate)}`;
    }
  }
  return undefined;
}

function matches(denial: Denial, certificate: Certificate, leafId: SpiffeId | undefined): boolean {
  switch (denial.kind) {
    case "id":
      return denial.id === leafId;
    case "serial":
      return denial.serial === toHex(certificate.serial);
    case "key":
      return sameBytes(denial.spki, certificate.publicKey.spki);
  }
}

function deniedBy(certificate: Certificate, leafId: SpiffeId | undefined, bundle: TrustBundle): string | undefined {
  const denial = bundle.denied?.find((entry) => matches(entry, certificate, leafId));
  return denial && `its ${denial.kind} is on the list of what is denied`;
}

/**
 * Says whether a certificate of a verified path is revoked or denied. A CA without a list is not asked for one: short
 * lives, not lists, are what a mesh relies on.
 *
 * @param path - Leaf first, authority last.
 */
export function revocation(
  path: readonly Certificate[],
  id: SpiffeId,
  bundle: TrustBundle,
  now: number,
  crypto: SignatureVerifier,
): CertError | undefined {
  for (const [index, certificate] of path.entries()) {
    const issuer = path[index + 1];
    const reason =
      deniedBy(certificate, index === 0 ? id : undefined, bundle) ??
      (issuer && revokedBy(certificate, issuer, bundle, now, crypto));
    if (reason !== undefined) return new CertError("ERR_CERT_REVOKED", `chain[${index}]`, reason);
  }
  return undefined;
}
