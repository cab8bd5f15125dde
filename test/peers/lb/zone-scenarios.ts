/** Clusters for a caller in zone `a`, whose own cluster is beside it. */
import { type GroupSpec, hostsOf } from "./endpoints.js";
import type { Json } from "./rig.js";
import { extension, group, type ShareScenario, scenario } from "./share-scenarios.js";

/** Zone aware routing from zone `a`, with a cluster of our own beside it. */
export const zoneScenarios: readonly (ShareScenario & { readonly callers: readonly GroupSpec[] })[] = [
  {
    ...scenario("zone aware: all traffic stays in its zone", zones(5, 3, 2), zoneAware(1)),
    callers: callers(2, 4),
  },
  {
    ...scenario("zone aware: what a zone cannot take goes to the others by their room", zones(2, 5, 3), zoneAware(1)),
    callers: callers(4, 3, 1),
  },
  { ...scenario("zone aware: too few hosts", zones(1, 2), zoneAware(6)), callers: callers(2, 2) },
  {
    ...scenario("zone aware: four requests in ten", zones(5, 3, 2), zoneAware(1, { routing_enabled: { value: 40 } })),
    callers: callers(2, 4),
  },
  {
    ...scenario("zone aware: no host in our zone", zones(0, 4, 3).slice(1), zoneAware(1)),
    callers: callers(3, 2, 1),
  },
  {
    ...scenario("zone aware: zones without callers, callers without hosts", zones(2, 0, 4), zoneAware(1)),
    callers: callers(3, 2),
  },
  {
    ...scenario(
      "zone aware: half of our zone unhealthy",
      [group(30, 6, 3, "UNHEALTHY", { zone: "a" }), ...zones(0, 4, 2).slice(1)],
      zoneAware(1),
    ),
    callers: callers(4, 3, 1),
  },
  {
    ...scenario("zone aware: traffic fails in panic", zonesWith(3, 2), zoneAware(1, { fail_traffic_on_panic: true })),
    callers: callers(2, 2),
  },
  { ...scenario("zone aware: traffic does not fail in panic", zonesWith(3, 2), zoneAware(1)), callers: callers(2, 2) },
  ...[false, true].map((fail_traffic_on_panic) => ({
    ...scenario(
      `zone aware: our own cluster in panic${fail_traffic_on_panic ? ", traffic fails" : ""}`,
      zones(3, 3),
      zoneAware(1, { fail_traffic_on_panic }),
    ),
    callers: [group(40, 5, 4, "UNHEALTHY", { zone: "a" }), group(41, 3, 2, "UNHEALTHY", { zone: "b" })],
  })),
  ...[2, 3].map((min_size) => ({
    ...scenario(
      `zone aware: forced to stay with ${min_size} hosts`,
      zones(2, 5, 3),
      typedZoneAware({ force_local_zone: { min_size } }),
    ),
    callers: callers(4, 3, 1),
  })),
  {
    ...scenario(
      "zone aware: forced to stay, callers in one zone",
      zones(2, 5),
      typedZoneAware({ force_local_zone: {} }),
    ),
    callers: callers(4),
  },
  {
    ...scenario(
      "zone aware: shares by weight",
      [
        { zone: "a", hosts: hostsOf(30, 2, () => ({ weight: 2 })) },
        { zone: "b", hosts: hostsOf(31, 2, (i) => ({ weight: 5 + i })) },
        { zone: "c", hosts: hostsOf(32, 3) },
      ],
      typedZoneAware({ locality_basis: "HEALTHY_HOSTS_WEIGHT" }),
    ),
    callers: callers(4, 3, 1),
  },
];

function zoneAware(min_cluster_size: number, more: Json = {}): Json {
  return { common_lb_config: { zone_aware_lb_config: { min_cluster_size, ...more } } };
}

/** What the older fields do not have. */
function typedZoneAware(more: Json): Json {
  const zone_aware_lb_config = { min_cluster_size: 1, ...more };
  const policies = [extension("round_robin.v3.RoundRobin", { locality_lb_config: { zone_aware_lb_config } })];
  return { load_balancing_policy: { policies } };
}

/** Two zones whose hosts are mostly unhealthy. */
function zonesWith(...counts: readonly number[]): GroupSpec[] {
  return counts.map((count, index) =>
    group(30 + index, count, count - 1, "UNHEALTHY", { zone: "abc"[index] as string }),
  );
}

function zones(...counts: readonly number[]): GroupSpec[] {
  return counts.map((count, index) => ({ zone: "abc"[index] as string, hosts: hostsOf(30 + index, count) }));
}

function callers(...counts: readonly number[]): GroupSpec[] {
  return counts.map((count, index) => ({ zone: "abc"[index] as string, hosts: hostsOf(40 + index, count) }));
}
