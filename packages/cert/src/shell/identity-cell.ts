import { CertError } from "../errors.js";
import type { Identity, IdentitySource, X509Svid } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";

interface Waiter {
  readonly resolve: (identity: Identity) => void;
  readonly reject: (reason: unknown) => void;
}

/** Holds the current identity and tells watchers and waiters: the half that all sources share. */
export class IdentityCell implements IdentitySource, Disposable {
  readonly #watchers = new Set<(identity: Identity) => void>();
  readonly #waiters = new Set<Waiter>();
  #identity: Identity | undefined;
  #version = 0;

  current(): Identity | undefined {
    return this.#identity;
  }

  ready(signal?: AbortSignal): Promise<Identity> {
    if (this.#identity) return Promise.resolve(this.#identity);
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener(
        "abort",
        () => {
          this.#waiters.delete(waiter);
          reject(signal.reason);
        },
        { once: true },
      );
      this.#waiters.add(waiter);
    });
  }

  watch(listener: (identity: Identity) => void): Disposable {
    this.#watchers.add(listener);
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) };
  }

  /** Switches to another identity as a whole. */
  set(svid: X509Svid, bundles: BundleSet): Identity {
    const identity = Object.freeze({ svid, bundles, version: ++this.#version });
    this.#identity = identity;
    for (const waiter of this.#waiters) waiter.resolve(identity);
    this.#waiters.clear();
    for (const watcher of [...this.#watchers]) watcher(identity);
    return identity;
  }

  /** Gives the identity up, as when its issuer has taken it back. */
  clear(): void {
    this.#identity = undefined;
  }

  [Symbol.dispose](): void {
    const over = new CertError("ERR_CERT_NO_IDENTITY", "source", "it has been disposed of");
    for (const waiter of this.#waiters) waiter.reject(over);
    this.#waiters.clear();
    this.#watchers.clear();
  }
}
