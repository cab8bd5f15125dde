import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Cluster } from "../cluster.js";
import { clusterFromXds, type FromXdsDeps } from "../from-xds.js";
import { checkerFromXds } from "./checker-from-xds.js";
import { drive, systemClock } from "./driver.js";
import { type HealthChecker, runHealthChecks } from "./health-checks.js";

/** What the messages of {@link startCluster} do not say. */
export interface StartClusterOptions extends Pick<FromXdsDeps, "local" | "onEvent"> {
  /** How to check hosts, if the cluster has a health check. Default: what {@link checkerFromXds} reads. */
  readonly check?: HealthChecker;
}

/**
 * Makes a cluster from its xDS messages, as {@link clusterFromXds} does, with the clock, the chance and the timers of
 * this process, and checks its hosts if it says so. Disposing the cluster ends timers and checks.
 *
 * @throws {@link LbError} as {@link clusterFromXds} does, and as {@link checkerFromXds} does without `check`.
 */
export function startCluster(
  cluster: ClusterMessage,
  endpoints?: ClusterLoadAssignment,
  { check, ...options }: StartClusterOptions = {},
): Cluster {
  const checker = cluster.healthChecks?.length ? (check ?? checkerFromXds(cluster)) : undefined;
  const made = clusterFromXds(cluster, endpoints, { ...options, clock: systemClock, random: Math.random });
  const ticking = drive(made);
  const checking = checker && runHealthChecks(made, { check: checker });
  const dispose = made[Symbol.dispose].bind(made);
  return Object.assign(made, {
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
      checking?.[Symbol.dispose]();
      dispose();
    },
  });
}
