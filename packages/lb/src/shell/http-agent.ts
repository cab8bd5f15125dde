import type { Cluster } from "../cluster.js";
import { createCluster } from "../cluster.js";
import type { ClusterOptions } from "../cluster-options.js";
import { LbError } from "../errors.js";
import type { HostPick, Outcome, PickContext } from "../pick.js";
import { drive, systemClock } from "./driver.js";

/** A host for one request, in the words of `http.request`. */
export interface PickedHost {
  /** Name or address to connect to, for the option `host`. */
  readonly host: string;
  /** For the option `port`. */
  readonly port: number;
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
 * Makes a function that gives each request its host: `http.request({ agent, ...pick(), path })` with any agent of
 * `node:http` or `node:https`, whose connections are kept by host and port.
 *
 * @param hosts - `host:port` each, or a cluster's options in full.
 * @throws {@link LbError} as {@link createCluster} does.
 */
export function hostPicker(hosts: readonly string[] | ClusterOptions): HostPicker {
  const options = "length" in hosts ? { hosts } : hosts;
  const cluster = createCluster(options, { clock: systemClock, random: Math.random });
  const ticking = drive(cluster);
  const pickHost = (context?: PickContext): PickedHost => {
    const pick = cluster.pick(context);
    if (pick.kind === "none") {
      const message = `no host: ${pick.reason}`;
      throw new LbError([{ code: "ERR_LB_NO_HOST", path: cluster.name || "cluster", message }]);
    }
    return { ...place(pick), done: (outcome) => pick.done(outcome) };
  };
  return Object.assign(pickHost, {
    cluster,
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
      cluster[Symbol.dispose]();
    },
  });
}

function place({ host: { address } }: HostPick): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon);
  return { host: host.startsWith("[") ? host.slice(1, -1) : host, port: Number(address.slice(colon + 1)) };
}
