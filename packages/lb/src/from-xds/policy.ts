import type { Cluster as ClusterMessage, LoadBalancingPolicy } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { Policy } from "../policy.js";
import type { IssueList } from "./issues.js";
import { legacyPolicy } from "./legacy-policy.js";
import { POLICY_READERS } from "./policy-readers.js";
import type { PolicyScope } from "./policy-scope.js";

/** gRPC's limit; Envoy has none, but a configuration this deep is a mistake. */
const MAX_DEPTH = 16;

/** The policy of a cluster: `load_balancing_policy` if there is one, otherwise what the older fields amount to. */
export function readClusterPolicy(cluster: ClusterMessage, issues: IssueList): Policy | undefined {
  const configured = cluster.loadBalancingPolicy;
  if (configured === undefined && cluster.lbPolicy !== "LOAD_BALANCING_POLICY_CONFIG") {
    return legacyPolicy(cluster, issues);
  }
  if (cluster.lbSubsetConfig !== undefined) {
    issues.add("lb_subset_config", "cannot be combined with load_balancing_policy");
  }
  const common = cluster.commonLbConfig ?? {};
  for (const [field, value] of [
    ["zone_aware_lb_config", common.zoneAwareLbConfig],
    ["locality_weighted_lb_config", common.localityWeightedLbConfig],
    ["consistent_hashing_lb_config", common.consistentHashingLbConfig],
  ] as const) {
    if (value !== undefined) issues.add(`common_lb_config.${field}`, "cannot be combined with load_balancing_policy");
  }
  return readPolicyList(configured ?? {}, "load_balancing_policy", {
    issues,
    depth: 0,
    readList: readPolicyList,
  });
}

/** The first policy of a list whose type is known; a known one with a bad configuration is an error, not skipped. */
export function readPolicyList(list: LoadBalancingPolicy, path: string, scope: PolicyScope): Policy | undefined {
  const { issues, depth } = scope;
  if (depth >= MAX_DEPTH) {
    issues.add(path, `policies are nested more than ${MAX_DEPTH} deep`);
    return undefined;
  }
  const names: string[] = [];
  for (const [index, { typedExtensionConfig }] of (list.policies ?? []).entries()) {
    const config = typedExtensionConfig?.typedConfig;
    const type = config?.typeUrl.slice(config.typeUrl.lastIndexOf("/") + 1) ?? "";
    names.push(typedExtensionConfig?.name || type || "(unnamed)");
    const read = Object.hasOwn(POLICY_READERS, type) ? POLICY_READERS[type] : undefined;
    if (read === undefined || config === undefined) continue;
    const configPath = `${path}.policies[${index}].typed_extension_config.typed_config`;
    if (!("message" in config)) {
      issues.add(configPath, `${type} must be decoded before it gets here`, "ERR_LB_CONFIG_OPAQUE");
      return undefined;
    }
    return read(config.message, configPath, { ...scope, depth: depth + 1 });
  }
  issues.add(
    `${path}.policies`,
    names.length === 0 ? "must name a policy" : `none of these policies is known: ${names.join(", ")}`,
    "ERR_LB_POLICY_UNKNOWN",
  );
  return undefined;
}
