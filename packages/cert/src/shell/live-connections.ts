import type { TLSSocket } from "node:tls";
import { ConnectionRegistry, type LiveConnection } from "../connections.js";
import type { VerifiedSvid } from "../peer.js";
import type { IdentitySource } from "../source.js";
import type { BundleSet } from "../trust-bundle.js";
import { systemRandom, systemScheduler } from "./clock.js";
import { verifySvidCached } from "./verified-cache.js";

/** What happens to connections that outlive their peer's certificate or authority. */
export interface StaleOptions {
  /** `flag`: they go on and are listed as stale. `close`: they are closed. Default: `flag`. */
  readonly onStale?: "flag" | "close";
  /** Over how many milliseconds closing is spread. Default: 5,000. */
  readonly closeSpreadMs?: number;
}

/** A registry with its timer. */
export interface LiveConnections extends Disposable {
  /** Notes a connection until it closes. */
  add(socket: TLSSocket, peer: VerifiedSvid): void;
  /** All open connections. */
  list(): readonly LiveConnection[];
}

/**
 * Watches the connections of one server or client: at each change of the bundles, and when a peer ends. The source is
 * followed only while there are connections, so that a server nobody uses any more can be forgotten.
 */
export function watchConnections(source: IdentitySource, options: StaleOptions): LiveConnections {
  const registry = new ConnectionRegistry(
    { onStale: options.onStale ?? "flag", closeSpreadMs: options.closeSpreadMs ?? 5000 },
    systemRandom,
  );
  let bundles: BundleSet | undefined;
  let timer: Disposable | undefined;
  let armedFor: number | undefined;

  const arm = (): void => {
    const next = registry.nextAt();
    if (next === armedFor) return;
    timer?.[Symbol.dispose]();
    armedFor = next;
    timer = next === undefined ? undefined : systemScheduler.after(next - systemScheduler.now(), () => sweep(false));
  };
  const sweep = (judgeAnew: boolean): void => {
    armedFor = undefined;
    const now = systemScheduler.now();
    const current = bundles;
    registry.sweep(
      now,
      judgeAnew && current
        ? ({ chain }) =>
            verifySvidCached(
              chain.map((certificate) => certificate.der),
              current,
              now,
            )
        : undefined,
    );
    arm();
  };
  let open = 0;
  let watching: Disposable | undefined;
  const follow = (): void => {
    bundles = source.current()?.bundles;
    watching = source.watch((identity) => {
      if (identity.bundles === bundles) return;
      bundles = identity.bundles;
      sweep(true);
    });
  };
  const unfollow = (): void => {
    watching?.[Symbol.dispose]();
    watching = undefined;
  };

  return {
    add(socket, peer) {
      if (open++ === 0) follow();
      const entry = registry.add(peer, (reason) => socket.destroy(reason));
      socket.once("close", () => {
        entry[Symbol.dispose]();
        arm();
        if (--open === 0) unfollow();
      });
      arm();
    },
    list: () => registry.list(),
    [Symbol.dispose]() {
      unfollow();
      timer?.[Symbol.dispose]();
    },
  };
}
