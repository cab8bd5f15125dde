import type { EndpointGroup } from "../host.js";
import type { ZoneAware } from "../locality-options.js";
import { type ZoneCounts, type ZoneExit, zonePlan } from "../zone-plan.js";
import { type LintFacts, type LintFinding, note, warning } from "./finding.js";

const PATH = "common_lb_config.zone_aware_lb_config";

const EXITS: Readonly<Record<ZoneExit, string>> = {
  "local-cluster-unknown": "the caller's own cluster is not known (local_cluster_name)",
  "upstream-in-one-zone": "the upstream has hosts in fewer than two zones",
  "local-cluster-in-one-zone": "the caller's own cluster is in one zone only",
  "local-zone-has-no-callers": "the caller's own cluster has no host in this zone",
  "cluster-too-small": "the upstream has too few healthy hosts",
};

/** Whether zones are looked at, and how much then stays in the caller's. */
export function lintZones(mode: ZoneAware, groups: readonly EndpointGroup[], facts: LintFacts): LintFinding[] {
  const upstream = countsOf(groups.filter((group) => (group.priority ?? 0) === 0).map(zoneOf));
  // Nothing is known of a cluster whose hosts are discovered.
  if (upstream.length === 0) return [];
  const ownKey = facts.zone ?? upstream[0]?.key ?? "";
  upstream.sort((a, b) => Number(b.key === ownKey) - Number(a.key === ownKey));
  const local = facts.callersPerZone ? countsOf(Object.entries(facts.callersPerZone)) : upstream;
  const plan = zonePlan({ upstream, local, ownKey }, mode);
  if (plan.mode === "none") {
    const healthy = upstream.reduce((sum, zone) => sum + zone.healthy, 0);
    const numbers = plan.exit === "cluster-too-small" ? `: ${healthy}, needs ${mode.minClusterSize ?? 6}` : "";
    return [warning("zone-aware-off", PATH, `zones are not looked at, because ${EXITS[plan.exit]}${numbers}`)];
  }
  if (facts.callersPerZone === undefined) return [];
  const stays = plan.mode === "direct" ? 10_000 : plan.localPercentToRoute;
  return [
    note("zone-share", PATH, `callers in zone ${ownKey} keep ${(stays / 100).toFixed(1)} % of their requests there`),
  ];
}

function zoneOf(group: EndpointGroup): [string, number] {
  return [group.locality?.zone ?? "", group.hosts.length];
}

function countsOf(zones: readonly (readonly [string, number])[]): ZoneCounts[] {
  const hosts = new Map<string, number>();
  for (const [key, count] of zones) hosts.set(key, (hosts.get(key) ?? 0) + count);
  return [...hosts].map(([key, count]) => ({ key, healthy: count, healthyWeight: count, hosts: count }));
}
