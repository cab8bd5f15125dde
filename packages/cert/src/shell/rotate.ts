import type { WallClock } from "../ca.js";
import type { KeyAlgorithm } from "../public-key.js";
import type { Identity, IdentitySource, SvidIssuer } from "../source.js";
import type { SpiffeId } from "../spiffe-id.js";
/** How a certificate is kept fresh. */
export interface RotateOptions {
  /** The ID that the certificate must carry; anything else is refused. Default: whatever comes first. */
  readonly id?: SpiffeId;
  /** The lifetime to ask for, in milliseconds. Default: the CA's. */
  readonly ttlMs?: number;
  /** The algorithm of the keys; each certificate gets a new one. Default: `P-256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
  /** The part of the lifetime after which to renew, 0–1. Default: 0.5, as istio's agent. */
  readonly ratio?: number;
  /** How much the ratio varies by chance, 0–1. Default: 0.01, as istio's agent. */
  readonly jitter?: number;
  /** The first and longest wait after a failure, milliseconds. Default: 100 and 30,000. */
  readonly backoffMs?: { readonly base: number; readonly max: number };
  /** Called after each failure; the old certificate goes on being served. */
  readonly onFailure?: (error: unknown) => void;
  /** The wall clock. Default: the system's. */
  readonly clock?: WallClock;
  /** Chance, in `[0, 1)`. Default: the system's. */
  readonly random?: () => number;
}
/** What a rotation is doing. */
export interface RotationStatus {
  /** `starting`: no certificate yet. `fresh`: all is well. `retrying`: renewal fails, the old one is served. `expired`: nothing can be served. */
  readonly phase: "starting" | "fresh" | "retrying" | "expired";
  /** How many certificates have been installed. */
  readonly renewals: number;
  /** How many attempts have failed in a row. */
  readonly failures: number;
  /** When the next attempt is due, milliseconds since 1970. */
  readonly nextAt: number;
  /** When the certificate in use ends, milliseconds since 1970; 0 if there is none. */
  readonly notAfter: number;
}
/** An identity that renews itself. */
export interface RotatingSource extends IdentitySource, Disposable {
  /** What the rotation is doing. */
  status(): RotationStatus;
  /** Renews now, whatever the schedule says, and waits for it. */
  renew(): Promise<Identity>;
}
/** Keeps a certificate fresh: asks, checks, installs, and asks again in time. */
export declare function rotate(issuer: SvidIssuer, options?: RotateOptions): RotatingSource;
