import { CertError } from "../errors.js";
import type { Identity, IdentitySource, X509Svid } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";
import { Waiters } from "./waiters.js";

/** What whoever waits for a source learns when it is over. */
export function disposedError(): CertError {
  return new CertError("ERR_CERT_NO_IDENTITY", "source", "it has been disposed of");
}

/** Holds the current identity and tells watchers and waiters: the half that all sources share. */
export class IdentityCell implements IdentitySource, Disposable {
  readonly #watchers = new Set<(identity: Identity) => void>();
  readonly #waiters = new Waiters<Identity>();
  #identity: Identity | undefined;
  #version = 0;
  #disposed = false;

  current(): Identity | undefined {
    return this.#identity;
  }

  ready(signal?: AbortSignal): Promise<Identity> {
    if (this.#identity) return Promise.resolve(this.#identity);
    if (this.#disposed) return Promise.reject(disposedError());
    return this.#waiters.wait(signal);
  }

  watch(listener: (identity: Identity) => void): Disposable {
    this.#watchers.add(listener);
    return { [Symbol.dispose]: () => void this.#watchers.delete(listener) };
  }

  /** Switches to another identity as a whole. */
  set(svid: X509Svid, bundles: BundleSet): Identity {
    const identity = Object.freeze({ svid, bundles, version: ++this.#version });
    this.#identity = identity;
    this.#waiters.resolve(identity);
    const failures: unknown[] = [];
    for (const watcher of [...this.#watchers]) {
      try {
        watcher(identity);
      } catch (error) {
        // The others must not stay behind with the old certificate because of one.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return identity;
  }

  /** Gives the identity up, as when its issuer has taken it back. */
  clear(): void {
    this.#identity = undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#waiters.reject(disposedError());
    this.#watchers.clear();
  }
}
