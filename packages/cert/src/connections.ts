import type { Random } from "./clock.js";
import { formatTime } from "./der/time.js";
import { CertError } from "./errors.js";
import type { SvidVerdict, VerifiedSvid } from "./peer.js";

/** A connection that is open, and whether its peer could still prove who it is. */
export interface LiveConnection {
  /** What the peer proved when it connected. */
  readonly peer: VerifiedSvid;
  /** Why the peer could not connect now; `undefined` while it could. */
  readonly stale: CertError | undefined;
}

interface Entry {
  readonly peer: VerifiedSvid;
  readonly close: (reason: CertError) => void;
  stale: CertError | undefined;
  closeAt: number | undefined;
}

/** What is done about a live connection whose peer is over or has lost its authority. */
export interface StalePolicy {
  /** `flag`: it goes on and is listed as stale. `close`: it is closed. */
  readonly onStale: "flag" | "close";
  /** Over how many milliseconds closing is spread, so that a revoked root does not bring everybody back at once. */
  readonly closeSpreadMs: number;
}

/** Judges a peer's chain by today's bundles. */
export type Judge = (peer: VerifiedSvid) => SvidVerdict;

/**
 * The connections of one server or client. A rotation does not touch them: they end only by their own, or by policy
 * when their peer's certificate ends or its authority leaves the bundle.
 */
export class ConnectionRegistry {
  readonly #entries = new Set<Entry>();
  readonly #policy: StalePolicy;
  readonly #random: Random;

  /** Starts empty. */
  constructor(policy: StalePolicy, random: Random) {
    this.#policy = policy;
    this.#random = random;
  }

  /** Notes a connection; disposing says that it has ended. */
  add(peer: VerifiedSvid, close: (reason: CertError) => void): Disposable {
    const entry: Entry = { peer, close, stale: undefined, closeAt: undefined };
    this.#entries.add(entry);
    return { [Symbol.dispose]: () => void this.#entries.delete(entry) };
  }

  /** All open connections. */
  list(): readonly LiveConnection[] {
    return [...this.#entries].map(({ peer, stale }) => ({ peer, stale }));
  }

  /** When the next peer ends or the next connection is due to be closed; `undefined` if nothing is to come. */
  nextAt(): number | undefined {
    let next: number | undefined;
    for (const { peer, stale, closeAt } of this.#entries) {
      const at = closeAt ?? (stale ? undefined : peer.notAfter + 1);
      if (at !== undefined && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  /**
   * Flags connections whose peer is over, or that `judge` turns away, and closes those that are due.
   *
   * @param judge - Given when the bundles changed: judges every peer anew. A peer whose leaf is merely over is flagged without it.
   */
  sweep(now: number, judge?: Judge): void {
    for (const entry of this.#entries) {
      entry.stale ??= this.#judge(entry, now, judge);
      if (!entry.stale || this.#policy.onStale === "flag") continue;
      entry.closeAt ??= now + this.#random() * this.#policy.closeSpreadMs;
      if (now >= entry.closeAt) {
        this.#entries.delete(entry);
        entry.close(entry.stale);
      }
    }
  }

  #judge(entry: Entry, now: number, judge: Judge | undefined): CertError | undefined {
    if (now > entry.peer.notAfter) {
      const problem = `the peer's proof ended ${formatTime(entry.peer.notAfter)}, it is ${formatTime(now)}`;
      return new CertError("ERR_CERT_EXPIRED", "connection", problem);
    }
    const verdict = judge?.(entry.peer);
    return verdict?.kind === "rejected" ? verdict.error : undefined;
  }
}
