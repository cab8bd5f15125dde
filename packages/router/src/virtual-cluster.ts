import type { VirtualCluster } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RequestFacts } from "./facts.js";
import { compileHeader } from "./match/header.js";
import type { Predicate } from "./match/predicate.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** Names the virtual cluster of a request. */
export type VirtualClusters = (facts: RequestFacts) => string;

/** Compiles a host's virtual clusters: the first whose matchers all hold, else `other`; without any, no name. */
export function compileVirtualClusters(
  clusters: readonly VirtualCluster[] | undefined,
  scope: Scope,
  surroundings: Surroundings,
): VirtualClusters | undefined {
  if (clusters === undefined || clusters.length === 0) return undefined;
  const rules = clusters.map((cluster, i) => {
    const where = scope.item("virtual_clusters", i);
    const matchers = cluster.headers ?? [];
    if (matchers.length === 0)
      where.field("headers").report("ERR_ROUTER_FIELD_INVALID", "expected at least one matcher, got none");
    const tests: Predicate[] = matchers.map((one, j) => compileHeader(one, where.item("headers", j), surroundings));
    return { name: cluster.name ?? "", tests };
  });
  return (facts) => rules.find((rule) => rule.tests.every((test) => test(facts)))?.name ?? "other";
}
