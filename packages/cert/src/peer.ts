import type { Certificate } from "./certificate.js";
import type { CertError } from "./errors.js";
import type { SpiffeId } from "./spiffe-id.js";

/** A chain that was verified, and what it proves. */
export interface VerifiedSvid {
  /** Tells the two outcomes apart. */
  readonly kind: "verified";
  /** Who the peer is. */
  readonly id: SpiffeId;
  /** The path that was found: leaf first, authority last. */
  readonly chain: readonly Certificate[];
  /** The authority of the ID's trust domain that the path ends in. */
  readonly anchor: Certificate;
  /** When the first certificate of the path ends: the proof holds no longer than that. Milliseconds since 1970. */
  readonly notAfter: number;
}

/** A chain that was turned away, and why. */
export interface RejectedSvid {
  /** Tells the two outcomes apart. */
  readonly kind: "rejected";
  /** The rule that failed; branch on its code. */
  readonly error: CertError;
  /** The SPIFFE ID, if the leaf got as far as having one. It is a claim, not a fact. */
  readonly claimedId: SpiffeId | undefined;
}

/** What verification says about a chain; it does not throw. */
export type SvidVerdict = VerifiedSvid | RejectedSvid;
