import { type Certificate, sameBytes } from "../certificate.js";
import type { Random, Scheduler } from "../clock.js";
import { CertError } from "../errors.js";
import type { PrivateKey } from "../private-key.js";
import type { KeyAlgorithm } from "../public-key.js";
import {
  initialRotation,
  type RotationEvent,
  type RotationPolicy,
  type RotationState,
  type RotationStatus,
  stepRotation,
} from "../rotation.js";
import type { Identity, IdentitySource, IssuedChain, SvidIssuer } from "../source.js";
import type { SpiffeId } from "../spiffe-id.js";
import { type BundleSet, mergeBundles } from "../trust-bundle.js";
import { systemRandom, systemScheduler } from "./clock.js";
import { createCsr } from "./csr.js";
import { disposedError, IdentityCell } from "./identity-cell.js";
import { verifySvid } from "./verify.js";

/** Waits after failures, in milliseconds. */
export interface BackoffMs {
  /** The first; it doubles each time. */
  readonly base: number;
  /** The longest. */
  readonly max: number;
}

/** How {@link rotate} works. */
export interface RotateOptions {
  /** The ID that the certificate must carry; anything else is refused. Default: whatever comes first. */
  readonly id?: SpiffeId;
  /** The lifetime to ask for, in milliseconds. Default: the CA's. */
  readonly ttlMs?: number;
  /** The algorithm of the keys; each certificate gets a new one. Default: `P-256`. */
  readonly keyAlgorithm?: KeyAlgorithm;
  /** The part of the lifetime after which to renew, 0–1. Default: 0.5, as istio's agent. */
  readonly ratio?: number;
  /** By how much chance moves the ratio, 0–1. Default: 0.01, as istio's agent. */
  readonly jitter?: number;
  /** The first and the longest wait after a failure, in milliseconds. Default: 100 and 30,000. */
  readonly backoffMs?: BackoffMs;
  /** How long one request may take, in milliseconds. Default: 10,000. */
  readonly requestTimeoutMs?: number;
  /** Bundles known from elsewhere, such as those of federated domains. Default: none. */
  readonly bundles?: BundleSet;
  /** Called after each failure; the old certificate goes on being served. */
  readonly onFailure?: (error: unknown) => void;
  /** Time of day and timers. Default: the system's. */
  readonly scheduler?: Scheduler;
  /** Chance, in `[0, 1)`. Default: the system's. */
  readonly random?: Random;
}

/** An identity that renews itself. */
export interface RotatingSource extends IdentitySource, Disposable {
  /** What the rotation is doing. */
  status(): RotationStatus;
  /**
   * Renews now, whatever the schedule says, and waits for it.
   *
   * @throws what the issuer throws, or {@link CertError} if its answer is refused.
   */
  renew(): Promise<Identity>;
  /** Takes in bundles that came another way; those of other domains stay. For root changes that must not wait for a renewal. */
  updateBundles(bundles: BundleSet): void;
}

function share(value: number, path: string): number {
  if (value >= 0 && value <= 1) return value;
  throw new CertError("ERR_CERT_OPTION", path, `expected a number from 0 to 1, got ${value}`);
}

function span(value: number, path: string): number {
  if (value > 0) return value;
  throw new CertError("ERR_CERT_OPTION", path, `expected a positive number of milliseconds, got ${value}`);
}

class Rotation implements RotatingSource {
  readonly #issuer: SvidIssuer;
  readonly #options: RotateOptions;
  readonly #policy: RotationPolicy;
  readonly #requestTimeoutMs: number;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #cell = new IdentityCell();
  readonly #abort = new AbortController();
  #state: RotationState = initialRotation;
  #timer: Disposable | undefined;
  #inFlight: Promise<Identity> | undefined;
  #bundles: BundleSet;

  constructor(issuer: SvidIssuer, options: RotateOptions) {
    this.#issuer = issuer;
    this.#options = options;
    this.#scheduler = options.scheduler ?? systemScheduler;
    this.#random = options.random ?? systemRandom;
    this.#bundles = options.bundles ?? new Map();
    this.#policy = {
      ratio: share(options.ratio ?? 0.5, "ratio"),
      jitter: share(options.jitter ?? 0.01, "jitter"),
      backoffBaseMs: span(options.backoffMs?.base ?? 100, "backoff_ms.base"),
      backoffMaxMs: span(options.backoffMs?.max ?? 30_000, "backoff_ms.max"),
    };
    this.#requestTimeoutMs = span(options.requestTimeoutMs ?? 10_000, "request_timeout_ms");
    this.#step({ kind: "start" });
  }

  current(): Identity | undefined {
    return this.#cell.current();
  }

  ready(signal?: AbortSignal): Promise<Identity> {
    return this.#cell.ready(signal);
  }

  watch(listener: (identity: Identity) => void): Disposable {
    return this.#cell.watch(listener);
  }

  status(): RotationStatus {
    const { phase, renewals, failures, nextAt, notAfter } = this.#state;
    const over = notAfter !== 0 && this.#scheduler.now() > notAfter;
    return { phase: over ? "expired" : phase, renewals, failures, nextAt, notAfter };
  }

  renew(): Promise<Identity> {
    this.#step({ kind: "renew" });
    const request = this.#abort.signal.aborted ? undefined : this.#inFlight;
    return request ?? Promise.reject(disposedError());
  }

  updateBundles(bundles: BundleSet): void {
    this.#bundles = mergeBundles(this.#bundles, bundles);
    const identity = this.#cell.current();
    if (identity && identity.bundles !== this.#bundles) this.#cell.set(identity.svid, this.#bundles);
  }

  [Symbol.dispose](): void {
    this.#abort.abort(disposedError());
    this.#timer?.[Symbol.dispose]();
    this.#cell[Symbol.dispose]();
  }

  #step(event: RotationEvent): void {
    if (this.#abort.signal.aborted) return;
    const now = this.#scheduler.now();
    const [state, effects] = stepRotation(this.#state, event, this.#policy, now, this.#random);
    this.#state = state;
    for (const effect of effects) {
      this.#timer?.[Symbol.dispose]();
      this.#timer = undefined;
      if (effect.kind === "sleep") {
        this.#timer = this.#scheduler.after(effect.ms, () => this.#step({ kind: "woken", sleptMs: effect.ms }));
      } else {
        const request = this.#request();
        this.#inFlight = request;
        // The failure has been told to the state and to onFailure; nobody need be waiting for it here.
        request.catch(() => undefined);
      }
    }
  }

  async #request(): Promise<Identity> {
    const deadline = new AbortController();
    const timer = this.#scheduler.after(this.#requestTimeoutMs, () =>
      deadline.abort(new CertError("ERR_CERT_SERVICE", "issuer", "no answer in time")),
    );
    try {
      const csr = createCsr({
        ...(this.#options.id === undefined ? {} : { id: this.#options.id }),
        ...(this.#options.keyAlgorithm === undefined ? {} : { keyAlgorithm: this.#options.keyAlgorithm }),
      });
      const signal = AbortSignal.any([deadline.signal, this.#abort.signal]);
      const answer = await withSignal(
        this.#issuer.issue(csr.der, {
          signal,
          ...(this.#options.ttlMs === undefined ? {} : { ttlMs: this.#options.ttlMs }),
        }),
        signal,
      );
      const identity = this.#install(answer, csr.key);
      this.#step({ kind: "installed", notAfter: identity.svid.notAfter });
      return identity;
    } catch (error) {
      this.#step({ kind: "failed" });
      if (!this.#abort.signal.aborted) this.#options.onFailure?.(error);
      throw error;
    } finally {
      timer[Symbol.dispose]();
    }
  }

  /** Nothing is switched before everything has been checked: the key, the chain, the ID. */
  #install(answer: IssuedChain, key: PrivateKey): Identity {
    const bundles = mergeBundles(this.#bundles, answer.bundles);
    const [leaf] = answer.chain;
    if (leaf && !sameBytes(leaf.publicKey.spki, key.publicKey.spki)) {
      throw new CertError("ERR_CERT_KEY_MISMATCH", "chain[0]", "the certificate is for another key");
    }
    const verdict = verifySvid(answer.chain, bundles, this.#scheduler.now());
    if (verdict.kind === "rejected") throw verdict.error;
    const wanted = this.#options.id ?? this.#cell.current()?.svid.id;
    if (wanted !== undefined && verdict.id !== wanted) {
      throw new CertError("ERR_CERT_PEER_NOT_AUTHORIZED", "chain[0]", `expected ${wanted}, got ${verdict.id}`);
    }
    this.#bundles = bundles;
    const [first] = verdict.chain as readonly [Certificate, ...Certificate[]];
    const { notBefore, notAfter } = first;
    return this.#cell.set({ id: verdict.id, chain: answer.chain, key, notBefore, notAfter }, bundles);
  }
}

/** Gives up waiting when the signal says so, even if the issuer does not listen to it. */
function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(signal.reason);
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}

/**
 * Keeps a certificate fresh: makes a key, asks the issuer, checks the answer as a peer would, installs it, and does so
 * again in time. While renewal fails the certificate in use serves until its own end.
 *
 * @param issuer - Who signs: a client of a CA, or `ca.issuerFor(id)` for one in this process.
 * @throws {@link CertError} `ERR_CERT_OPTION` for a ratio or a time that is none.
 */
export function rotate(issuer: SvidIssuer, options: RotateOptions = {}): RotatingSource {
  return new Rotation(issuer, options);
}
