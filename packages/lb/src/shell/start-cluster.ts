import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Cluster } from "../cluster.js";
import { clusterFromXds, type FromXdsDeps } from "../from-xds.js";
import { drive, systemClock } from "./driver.js";

/**
 * Makes a cluster from its xDS messages, as {@link clusterFromXds} does, with the clock, the chance and the timers of
 * this process. Disposing the cluster ends the timers.
 *
 * @throws {@link LbError} as {@link clusterFromXds} does.
 */
export function startCluster(
  cluster: ClusterMessage,
  endpoints?: ClusterLoadAssignment,
  options: Pick<FromXdsDeps, "local" | "onEvent"> = {},
): Cluster {
  const made = clusterFromXds(cluster, endpoints, { ...options, clock: systemClock, random: Math.random });
  const ticking = drive(made);
  const dispose = made[Symbol.dispose].bind(made);
  return Object.assign(made, {
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
      dispose();
    },
  });
}
