import { type Certificate, sameBytes } from "./certificate.js";
import type { RevocationList } from "./crl.js";
import type { SpiffeId, TrustDomain } from "./spiffe-id.js";

/** A public key for tokens, as a JSON web key that holds public members only. */
export interface JwtAuthority {
  /** The key's ID, unique in its bundle. */
  readonly keyId: string;
  /** Public members of the key as RFC 7517 writes them: `kty`, `crv`, `x`, `y`, `n`, `e`. */
  readonly jwk: Readonly<Record<string, string>>;
}

/** One thing that is not to be accepted any more. */
export type Denial = DeniedId | DeniedSerial | DeniedKey;

/** A workload that is not to be accepted, whatever certificate it has. */
export interface DeniedId {
  /** Tells it from the other kinds. */
  readonly kind: "id";
  /** The workload. */
  readonly id: SpiffeId;
}

/** A certificate that is not to be accepted. */
export interface DeniedSerial {
  /** Tells it from the other kinds. */
  readonly kind: "serial";
  /** Its serial number in lower-case hexadecimal. */
  readonly serial: string;
}

/** A key that is not to be accepted, in leaves or above them. */
export interface DeniedKey {
  /** Tells it from the other kinds. */
  readonly kind: "key";
  /** The SubjectPublicKeyInfo in DER. */
  readonly spki: Uint8Array;
}

/** What a trust domain vouches with. A bundle without authorities trusts nothing, which is not the same as no bundle. */
export interface TrustBundle {
  /** Whose bundle it is; the document itself does not say. */
  readonly trustDomain: TrustDomain;
  /** Certificates that may stand at the top of a chain; they need not be self-signed. */
  readonly x509Authorities: readonly Certificate[];
  /** Keys for JWT-SVIDs. */
  readonly jwtAuthorities: readonly JwtAuthority[];
  /** Keys for WIT-SVIDs. */
  readonly witAuthorities: readonly JwtAuthority[];
  /** Grows with each change of the bundle, if its publisher counts. At most 2^64−1. */
  readonly sequence: bigint | undefined;
  /** Revocation lists of its authorities and intermediates. Absent: what is known stays; empty: there is none. */
  readonly crls?: readonly RevocationList[];
  /**
   * What is not to be accepted although it verifies: a short list, for the time until certificates end. Absent: what is
   * known stays; empty: nothing is.
   */
  readonly denied?: readonly Denial[];
  /** How often the publisher wants to be asked, in seconds. */
  readonly refreshHintSeconds: number | undefined;
}

/** Bundles by trust domain. They are never merged: a domain vouches for its own IDs only. */
export type BundleSet = ReadonlyMap<TrustDomain, TrustBundle>;

/** Makes a bundle of certificates alone. */
export function trustBundle(trustDomain: TrustDomain, x509Authorities: readonly Certificate[]): TrustBundle {
  return {
    trustDomain,
    x509Authorities,
    jwtAuthorities: [],
    witAuthorities: [],
    sequence: undefined,
    refreshHintSeconds: undefined,
  };
}

/** Puts bundles into a set; of two for one trust domain the later wins. */
export function bundleSet(...bundles: readonly TrustBundle[]): BundleSet {
  return new Map(bundles.map((bundle) => [bundle.trustDomain, bundle]));
}

function sameLists(a: readonly RevocationList[], b: readonly RevocationList[]): boolean {
  return a.length === b.length && a.every((list, i) => sameBytes(list.der, b[i]?.der ?? new Uint8Array()));
}

function sameBundle(a: TrustBundle, b: TrustBundle): boolean {
  return (
    a.sequence === b.sequence &&
    sameLists(a.crls ?? [], b.crls ?? []) &&
    a.denied === b.denied &&
    a.x509Authorities.length === b.x509Authorities.length &&
    a.x509Authorities.every((one, i) => sameBytes(one.der, b.x509Authorities[i]?.der ?? new Uint8Array())) &&
    JSON.stringify([a.jwtAuthorities, a.witAuthorities]) === JSON.stringify([b.jwtAuthorities, b.witAuthorities])
  );
}

/** A bundle that says nothing of revocations takes none back: a CA's answer brings authorities, not lists. */
function withRevocations(known: TrustBundle | undefined, newer: TrustBundle): TrustBundle {
  const crls = newer.crls ?? known?.crls;
  const denied = newer.denied ?? known?.denied;
  if (crls === newer.crls && denied === newer.denied) return newer;
  return { ...newer, ...(crls ? { crls } : {}), ...(denied ? { denied } : {}) };
}

/**
 * Replaces the bundles of those trust domains that `newer` has; lists of what is revoked or denied stay until there are
 * new ones, be they empty. Gives `older` itself if nothing changes, so that what
 * is cached by the set stays cached.
 */
export function mergeBundles(older: BundleSet, newer: BundleSet): BundleSet {
  const changed = [...newer.values()].flatMap((bundle) => {
    const known = older.get(bundle.trustDomain);
    const next = withRevocations(known, bundle);
    return known && sameBundle(known, next) ? [] : [next];
  });
  return changed.length === 0 ? older : bundleSet(...older.values(), ...changed);
}
