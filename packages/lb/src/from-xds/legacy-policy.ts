import type { Cluster_SlowStartConfig, Cluster as ClusterMessage } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { leastRequest } from "../policy/least-request.js";
import { maglev } from "../policy/maglev.js";
import { random } from "../policy/random.js";
import { ringHash } from "../policy/ring-hash.js";
import { roundRobin } from "../policy/round-robin.js";
import { subset } from "../policy/subset.js";
import type { Policy } from "../policy.js";
import type { SlowStartOptions } from "../slow-start.js";
import { readConsistentHashing, readMaglevSize, readRing } from "./hashing.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";
import { readLocality, readSlowStart } from "./locality.js";
import { readSubset } from "./subset.js";

/** The policy that `lb_policy` and the fields around it amount to. */
export function legacyPolicy(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const subsets = cluster.lbSubsetConfig;
  // An empty message is no subset configuration, as in Envoy.
  const hasSubsets = subsets?.subsetSelectors !== undefined && subsets.subsetSelectors.length > 0;
  if (cluster.lbPolicy === "CLUSTER_PROVIDED") {
    if (subsets !== undefined) issues.add("lb_subset_config", "cannot be combined with lb_policy CLUSTER_PROVIDED");
    if (enumName(cluster.type) !== "ORIGINAL_DST" && cluster.clusterType === undefined) {
      issues.add("lb_policy", "CLUSTER_PROVIDED needs a cluster type that brings its own load balancer");
    }
    return undefined;
  }
  if (enumName(cluster.type) === "ORIGINAL_DST") {
    issues.add("lb_policy", "must be CLUSTER_PROVIDED for a cluster of type ORIGINAL_DST");
  }
  const child = leafPolicy(cluster, issues);
  if (child === undefined || subsets === undefined || !(hasSubsets || enumName(subsets.fallbackPolicy) !== undefined)) {
    return child;
  }
  return subset(readSubset(subsets, "lb_subset_config", issues, child));
}

function leafPolicy(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const common = cluster.commonLbConfig ?? {};
  const locality = readLocality(common, "common_lb_config", issues);
  const consistent = readConsistentHashing(
    common.consistentHashingLbConfig ?? {},
    "common_lb_config.consistent_hashing_lb_config",
    issues,
  );
  const localityWeighted = locality?.kind === "locality-weighted";
  switch (enumName(cluster.lbPolicy) ?? "ROUND_ROBIN") {
    case "LEAST_REQUEST": {
      const config = cluster.leastRequestLbConfig;
      if (config?.choiceCount !== undefined && config.choiceCount < 2) {
        issues.add("least_request_lb_config.choice_count", `must be at least 2, got ${config.choiceCount}`);
      }
      return leastRequest(
        definedOnly({
          choiceCount: config?.choiceCount,
          activeRequestBias: config?.activeRequestBias && (config.activeRequestBias.defaultValue ?? 0),
          slowStart: slowStart(config?.slowStartConfig, "least_request_lb_config", issues),
          locality,
        }),
      );
    }
    case "RANDOM":
      return random(definedOnly({ locality }));
    case "RING_HASH":
      return ringHash({
        ...readRing(cluster.ringHashLbConfig ?? {}, "ring_hash_lb_config", issues),
        ...consistent,
        localityWeighted,
      });
    case "MAGLEV":
      return maglev({
        ...readMaglevSize(cluster.maglevLbConfig?.tableSize, "maglev_lb_config.table_size", issues),
        ...consistent,
        localityWeighted,
      });
    default:
      return roundRobin(
        definedOnly({
          slowStart: slowStart(cluster.roundRobinLbConfig?.slowStartConfig, "round_robin_lb_config", issues),
          locality,
        }),
      );
  }
}

function slowStart(
  config: Cluster_SlowStartConfig | undefined,
  path: string,
  issues: IssueList,
): SlowStartOptions | undefined {
  return readSlowStart(config, `${path}.slow_start_config`, issues);
}
