import type { Cluster_SlowStartConfig, Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { type LeastRequestOptions, leastRequest } from "../policy/least-request.js";
import { maglev } from "../policy/maglev.js";
import { random } from "../policy/random.js";
import { ringHash } from "../policy/ring-hash.js";
import { type RoundRobinOptions, roundRobin } from "../policy/round-robin.js";
import { subset } from "../policy/subset.js";
import type { Policy } from "../policy.js";
import type { SlowStartOptions } from "../slow-start.js";
import { readOriginalDestination } from "./discovery.js";
import { readConsistentHashing, readRing } from "./hashing.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";
import { readLocality, readSlowStart } from "./locality.js";
import { readSubset } from "./subset.js";

/** The policy that `lb_policy` and the fields around it amount to. */
export function legacyPolicy(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const subsets = cluster.lbSubsetConfig;
  const isOriginalDestination = enumName(cluster.type) === "ORIGINAL_DST";
  if (enumName(cluster.lbPolicy) === "CLUSTER_PROVIDED") {
    if (subsets !== undefined) issues.add("lb_subset_config", "cannot be combined with lb_policy CLUSTER_PROVIDED");
    if (!isOriginalDestination && cluster.clusterType === undefined) {
      issues.add("lb_policy", "CLUSTER_PROVIDED needs a cluster type that brings its own load balancer");
    }
    return isOriginalDestination ? readOriginalDestination(cluster, issues) : undefined;
  }
  if (isOriginalDestination) issues.add("lb_policy", "must be CLUSTER_PROVIDED for a cluster of type ORIGINAL_DST");
  const child = leafPolicy(cluster, issues);
  // A message without selectors makes no subsets, whatever its fallback says.
  if (subsets === undefined || !subsets.subsetSelectors?.length) return child;
  return issues.build(
    () => subset(readSubset(subsets, child)),
    (field) => `lb_subset_config.${field}`,
  );
}

function leafPolicy(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const common = cluster.commonLbConfig ?? {};
  const locality = readLocality(common);
  const localityWeighted = locality?.kind === "locality-weighted";
  if (common.consistentHashingLbConfig?.useHostnameForHashing && !enumName(cluster.type)?.endsWith("_DNS")) {
    // Envoy looks at the type here and not where a policy says the same.
    const path = "common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing";
    issues.add(path, "needs a cluster that finds its hosts by DNS");
  }
  const consistent = readConsistentHashing(
    common.consistentHashingLbConfig ?? {},
    "common_lb_config.consistent_hashing_lb_config",
    issues,
  );
  const at =
    (own: string) =>
    (field: string): string => {
      if (field.startsWith("locality_lb_config.")) return field.replace("locality_lb_config", "common_lb_config");
      return field.startsWith("consistent_hashing_lb_config.") ? `common_lb_config.${field}` : `${own}.${field}`;
    };
  switch (enumName(cluster.lbPolicy) ?? "ROUND_ROBIN") {
    case "LEAST_REQUEST": {
      const config = cluster.leastRequestLbConfig;
      const options = definedOnly<LeastRequestOptions>({
        choiceCount: config?.choiceCount,
        activeRequestBias: config?.activeRequestBias && (config.activeRequestBias.defaultValue ?? 0),
        slowStart: slowStart(config?.slowStartConfig, "least_request_lb_config", issues),
        locality,
      });
      return issues.build(() => leastRequest(options), at("least_request_lb_config"));
    }
    case "RANDOM":
      return issues.build(() => random(definedOnly({ locality })), at("common_lb_config"));
    case "RING_HASH": {
      const options = { ...readRing(cluster.ringHashLbConfig ?? {}), ...consistent, localityWeighted };
      return issues.build(() => ringHash(options), at("ring_hash_lb_config"));
    }
    case "MAGLEV": {
      const tableSize = cluster.maglevLbConfig?.tableSize;
      const size = tableSize === undefined ? {} : { tableSize: Number(tableSize) };
      return issues.build(() => maglev({ ...size, ...consistent, localityWeighted }), at("maglev_lb_config"));
    }
    default: {
      const options = definedOnly<RoundRobinOptions>({
        slowStart: slowStart(cluster.roundRobinLbConfig?.slowStartConfig, "round_robin_lb_config", issues),
        locality,
      });
      return issues.build(() => roundRobin(options), at("round_robin_lb_config"));
    }
  }
}

function slowStart(
  config: Cluster_SlowStartConfig | undefined,
  path: string,
  issues: IssueList,
): SlowStartOptions | undefined {
  return readSlowStart(config, `${path}.slow_start_config`, issues);
}
