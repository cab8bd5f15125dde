import type { Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { HealthStatusSet } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { type Cluster, createCluster } from "./cluster.js";
import { checkOptions } from "./cluster-check.js";
import type { ClusterDeps, ClusterOptions } from "./cluster-options.js";
import type { DnsDiscoveryOptions } from "./discovery.js";
import { throwIssues } from "./errors.js";
import { checkAddresses, readDiscovery } from "./from-xds/discovery.js";
import { readDropOverloads, readEndpoints } from "./from-xds/endpoints.js";
import { readHealthCheck } from "./from-xds/health-check.js";
import { definedOnly, enumName, IssueList } from "./from-xds/issues.js";
import { readCircuitBreakers, readOutlierDetection } from "./from-xds/limits.js";
import { readClusterPolicy } from "./from-xds/policy.js";

import type { EndpointHealth } from "./host.js";

export { type EndpointOptions, endpointsFromXds } from "./from-xds/endpoints.js";

/** What the messages do not say. */
export interface FromXdsDeps extends ClusterDeps {
  /** See {@link ClusterOptions.local}. */
  readonly local?: ClusterOptions["local"];
  /** See {@link ClusterOptions.onEvent}. */
  readonly onEvent?: ClusterOptions["onEvent"];
}

/**
 * Makes a cluster from its xDS messages. Hosts of a DNS cluster keep the names they are configured with
 * until {@link runDnsDiscovery} has looked them up.
 *
 * @param endpoints - What EDS delivered; without it the cluster's own `load_assignment` is used.
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID`, `ERR_LB_CONFIG_OPAQUE` or `ERR_LB_POLICY_UNKNOWN` with every problem
 * and its path.
 */
export function clusterFromXds(
  cluster: ClusterMessage,
  endpoints: ClusterLoadAssignment | undefined,
  deps: FromXdsDeps,
): Cluster {
  const { local, onEvent } = deps;
  return createCluster(
    { ...optionsFromXds(cluster, endpoints), ...(local && { local }), ...(onEvent && { onEvent }) },
    deps,
  );
}

/**
 * The options a cluster's messages amount to, for inspection or change before {@link createCluster}.
 *
 * @throws {@link LbError} as {@link clusterFromXds} does.
 */
export function optionsFromXds(cluster: ClusterMessage, endpoints: ClusterLoadAssignment | undefined): ClusterOptions {
  const issues = new IssueList();
  const assignment = endpoints ?? cluster.loadAssignment;
  const path = endpoints === undefined ? "load_assignment." : "";
  const type = enumName(cluster.type);
  const policy = readClusterPolicy(cluster, issues);
  const common = cluster.commonLbConfig;
  const { overprovisioningFactor, weightedPriorityHealth, dropOverloads } = assignment?.policy ?? {};
  const panic = common?.healthyPanicThreshold;
  const groups = assignment && readEndpoints(assignment, { dns: type?.endsWith("_DNS") ?? false }, path, issues);
  checkAddresses(cluster, "load_assignment.", issues);
  readDiscovery(cluster, groups ?? [], issues);
  const options = definedOnly<ClusterOptions>({
    name: cluster.name,
    endpoints: groups,
    policy,
    outlierDetection:
      cluster.outlierDetection && readOutlierDetection(cluster.outlierDetection, "outlier_detection", issues),
    circuitBreakers: cluster.circuitBreakers && readCircuitBreakers(cluster.circuitBreakers, issues),
    healthCheck: readHealthCheck(cluster.healthChecks ?? [], "health_checks", issues),
    ignoreNewHostsUntilFirstCheck: common?.ignoreNewHostsUntilFirstHc,
    ignoreHealthOnHostRemoval: cluster.ignoreHealthOnHostRemoval,
    healthyPanicThreshold: panic && (panic.value ?? 0),
    overprovisioningFactor,
    weightedPriorityHealth,
    overrideHostStatus: common?.overrideHostStatus && healthNames(common.overrideHostStatus),
    dropOverloads: dropOverloads && readDropOverloads(dropOverloads, `${path}policy.drop_overloads`, issues),
    updateMergeWindowMs: issues.durationMs("common_lb_config.update_merge_window", common?.updateMergeWindow),
  });
  throwIssues([...issues.issues, ...checkOptions(options)]);
  return options;
}

/**
 * How a cluster of type `STRICT_DNS` or `LOGICAL_DNS` finds its hosts, for {@link runDnsDiscovery}; nothing for other
 * types.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every problem and its path.
 */
export function discoveryFromXds(cluster: ClusterMessage): DnsDiscoveryOptions | undefined {
  const issues = new IssueList();
  const groups = readEndpoints(cluster.loadAssignment ?? {}, { dns: true }, "load_assignment.", issues);
  const options = readDiscovery(cluster, groups, issues);
  throwIssues(issues.issues);
  return options;
}

function healthNames({ statuses = [] }: HealthStatusSet): readonly EndpointHealth[] {
  return statuses.map(enumName).filter((status) => status !== undefined);
}
