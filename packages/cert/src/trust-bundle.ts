import type { Certificate } from "./certificate.js";
import type { TrustDomain } from "./spiffe-id.js";

/** A public key for tokens, as a JSON web key that holds public members only. */
export interface JwtAuthority {
  /** The key's ID, unique in its bundle. */
  readonly keyId: string;
  /** Public members of the key as RFC 7517 writes them: `kty`, `crv`, `x`, `y`, `n`, `e`. */
  readonly jwk: Readonly<Record<string, string>>;
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
