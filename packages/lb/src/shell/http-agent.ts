import type { Cluster } from "../cluster.js";
import { createCluster } from "../cluster.js";
import type { ClusterOptions } from "../cluster-options.js";
import type { Outcome, PickContext } from "../pick.js";
import { drive, systemClock } from "./driver.js";
import { type HostPlace, placeOf } from "./host-place.js";
import { noHost } from "./no-host.js";

/** A host for one request, in the words of `http.request`. */
export interface PickedHost extends HostPlace {
  /** Reports the outcome and gives the host back; exactly once, and a second call does nothing. */
  done(outcome: Outcome): void;
}

/** Chooses hosts for requests that are made without undici. */
export interface HostPicker extends Disposable {
  /**
   * A host for the next request.
   *
   * @throws {@link LbError} `ERR_LB_NO_HOST` if there is none, with the reason.
   */
  (context?: PickContext): PickedHost;
  /** The cluster behind it. */
  readonly cluster: Cluster;
}

/**
 * Makes a function that gives each request its host: `const { done, ...place } = pick()`, then
 * `http.request({ agent, ...place, path })` with any agent of `node:http` or `node:https`, whose connections are kept by
 * host and port, and `done` with what came of it. Its timers do not keep the process alive; disposing it ends them.
 *
 * @param hosts - `host:port` each, or a cluster's options in full.
 * @throws {@link LbError} as {@link createCluster} does.
 */
export function hostPicker(hosts: readonly string[] | ClusterOptions): HostPicker {
  const options = Array.isArray(hosts) ? { hosts } : (hosts as ClusterOptions);
  const cluster = createCluster(options, { clock: systemClock, random: Math.random });
  const ticking = drive(cluster);
  const pickHost = (context?: PickContext): PickedHost => {
    const pick = cluster.pick(context);
    if (pick.kind === "none") throw noHost(cluster, pick.reason);
    return { ...placeOf(pick.host.address), done: (outcome) => pick.done(outcome) };
  };
  return Object.assign(pickHost, {
    cluster,
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
      cluster[Symbol.dispose]();
    },
  });
}
