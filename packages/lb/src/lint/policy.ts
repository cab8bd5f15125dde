import type { ClusterOptions } from "../cluster-options.js";
import { MAX_RING_SIZE } from "../hash-ring.js";
import type { EndpointGroup } from "../host.js";
import type { LocalityMode, ZoneAware } from "../locality-options.js";
import { DEFAULT_TABLE_SIZE } from "../maglev-table.js";
import { type ZoneCounts, type ZoneExit, zonePlan } from "../zone-plan.js";
import type { LintFacts, LintFinding } from "./finding.js";

/** The options a policy may have, as far as they are looked at here. */
interface KnownOptions {
  readonly locality?: LocalityMode;
  readonly localityWeighted?: boolean;
  readonly maximumRingSize?: number;
  readonly minimumRingSize?: number;
  readonly tableSize?: number;
}

/** Consequences of the policy for these hosts. */
export function lintPolicy(options: ClusterOptions, groups: readonly EndpointGroup[], facts: LintFacts): LintFinding[] {
  const { policy } = options;
  const known: KnownOptions = policy?.options ?? {};
  const findings: LintFinding[] = [];
  const weighted = known.locality?.kind === "locality-weighted" || known.localityWeighted === true;
  if (weighted && groups.length > 0 && groups.every((group) => !group.weight)) {
    findings.push({
      rule: "locality-weights-missing",
      path: "load_assignment.endpoints",
      message: `none of ${groups.length} localities has a weight: locality weighting picks none of them`,
    });
  }
  if (known.locality?.kind === "zone-aware") findings.push(...lintZones(known.locality, groups, facts));
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  if (policy?.name === "ring_hash") findings.push(...lintRing(known, hosts));
  if (policy?.name === "maglev") findings.push(...lintTable(known, hosts));
  if (policy?.name === "ring_hash" || policy?.name === "maglev") findings.push(...lintDegraded(groups));
  return findings;
}

const EXITS: Readonly<Record<ZoneExit, string>> = {
  "local-cluster-unknown": "the caller's own cluster is not known (local_cluster_name)",
  "upstream-in-one-zone": "the upstream has hosts in fewer than two zones",
  "local-cluster-in-one-zone": "the caller's own cluster is in one zone only",
  "local-zone-has-no-callers": "the caller's own cluster has no host in this zone",
  "cluster-too-small": "the upstream has too few healthy hosts",
};

function lintZones(mode: ZoneAware, groups: readonly EndpointGroup[], facts: LintFacts): LintFinding[] {
  const own = facts.zone ?? "";
  const upstream = countsOf(groups.filter((group) => (group.priority ?? 0) === 0).map(zoneOf));
  upstream.sort((a, b) => Number(b.key === own) - Number(a.key === own));
  const callers = facts.callersPerZone && countsOf(Object.entries(facts.callersPerZone));
  const plan = zonePlan({ upstream, ...(callers && { local: callers }), ownKey: own }, mode);
  if (plan.mode !== "none") return [];
  const healthy = upstream.reduce((sum, zone) => sum + zone.healthy, 0);
  const numbers = plan.exit === "cluster-too-small" ? `: ${healthy}, needs ${mode.minClusterSize ?? 6}` : "";
  return [
    {
      rule: "zone-aware-off",
      path: "common_lb_config.zone_aware_lb_config",
      message: `zones are not looked at, because ${EXITS[plan.exit]}${numbers}`,
    },
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

function lintRing(options: KnownOptions, hosts: number): LintFinding[] {
  const max = options.maximumRingSize ?? MAX_RING_SIZE;
  const min = options.minimumRingSize ?? 1024;
  if (max < hosts) {
    const message = `${hosts} hosts and at most ${max} entries: at least ${hosts - max} hosts never get a request`;
    return [{ rule: "ring-too-small", path: "ring_hash_lb_config.maximum_ring_size", message }];
  }
  if (hosts === 0 || min / hosts >= 20) return [];
  const entries = Math.ceil(min / hosts);
  const spread = Math.round(100 / Math.sqrt(entries));
  const message = `${hosts} hosts and ${min} entries: ${entries} for each host, so shares vary by about ${spread} %`;
  return [{ rule: "ring-too-small", path: "ring_hash_lb_config.minimum_ring_size", message }];
}

function lintTable(options: KnownOptions, hosts: number): LintFinding[] {
  const size = options.tableSize ?? DEFAULT_TABLE_SIZE;
  if (size >= 100 * hosts) return [];
  const message = `${hosts} hosts and ${size} slots: ${(size / hosts).toFixed(1)} for each host; with fewer than 100, shares differ by more than a percent`;
  return [{ rule: "table-too-small", path: "maglev_lb_config.table_size", message }];
}

function lintDegraded(groups: readonly EndpointGroup[]): LintFinding[] {
  const degraded = groups
    .flatMap((group) => group.hosts)
    .filter((host) => typeof host !== "string" && host.health === "DEGRADED").length;
  if (degraded === 0) return [];
  const message = `${degraded} degraded hosts: hash tables never hold them, but their capacity draws requests, which then find no host`;
  return [{ rule: "degraded-unused", path: "load_assignment.endpoints", message }];
}
