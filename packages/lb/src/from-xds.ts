import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Cluster } from "./cluster.js";
import type { ClusterDeps, ClusterOptions } from "./cluster-options.js";
import type { EndpointGroup } from "./host.js";

/** What the messages do not say. */
export interface FromXdsDeps extends ClusterDeps {
  /** Where this process stands. */
  readonly local?: ClusterOptions["local"];
  /** See {@link ClusterOptions.onEvent}. */
  readonly onEvent?: ClusterOptions["onEvent"];
}

/**
 * Makes a cluster from its xDS messages.
 *
 * @param endpoints - What EDS delivered; without it the cluster's own `load_assignment` is used.
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` or `ERR_LB_POLICY_UNKNOWN` with every problem and its path.
 */
export declare function clusterFromXds(
  cluster: ClusterMessage,
  endpoints: ClusterLoadAssignment | undefined,
  deps: FromXdsDeps,
): Cluster;

/** The hosts of an EDS message, for `cluster.update({ replace: endpointsFromXds(assignment) })`. */
export declare function endpointsFromXds(assignment: ClusterLoadAssignment): readonly EndpointGroup[];
