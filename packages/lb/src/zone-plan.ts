import type { ZoneAware } from "./locality-options.js";

/** What is known of one upstream locality; the caller's own comes first if it has hosts. */
export interface ZoneCounts {
  /** Identity of the locality. */
  readonly key: string;
  /** Healthy hosts. */
  readonly healthy: number;
  /** Sum of the weights of the healthy hosts. */
  readonly healthyWeight: number;
  /** All hosts. */
  readonly hosts: number;
}

/** Why zones are not looked at, in the order in which the reasons are checked. */
export type ZoneExit =
  | "local-cluster-unknown"
  | "upstream-in-one-zone"
  | "local-cluster-in-one-zone"
  | "local-zone-has-no-callers"
  | "cluster-too-small";

/** Shares of one zone in 1/10000. */
export interface ZonePercentages {
  /** Identity of the locality. */
  readonly key: string;
  /** Share of the callers that are in the zone. */
  readonly local: number;
  /** Share of the upstream hosts that are in the zone. */
  readonly upstream: number;
}

/** Zones are not looked at. */
export interface NoZonePlan {
  /** Tells the plans apart. */
  readonly mode: "none";
  /** Why. */
  readonly exit: ZoneExit;
  /** Name of the statistic that counts it, if there is one. */
  readonly stat?: string;
}

/** All requests stay in the caller's own zone. */
export interface DirectZonePlan {
  /** Tells the plans apart. */
  readonly mode: "direct";
  /** Shares of each zone. */
  readonly percentages: readonly ZonePercentages[];
}

/** As much stays in the own zone as it can take, the rest goes where there is room. */
export interface ResidualZonePlan {
  /** Tells the plans apart. */
  readonly mode: "residual";
  /** Shares of each zone. */
  readonly percentages: readonly ZonePercentages[];
  /** Share of requests that stay, in 1/10000. */
  readonly localPercentToRoute: number;
  /** Room in each zone, cumulative, in 1/10000. */
  readonly residualCumulative: readonly number[];
}

/** How requests divide over zones. */
export type ZonePlan = NoZonePlan | DirectZonePlan | ResidualZonePlan;

/** What {@link zonePlan} needs to know. */
export interface ZonePlanInput {
  /** Upstream localities of priority 0. */
  readonly upstream: readonly ZoneCounts[];
  /** Localities of the caller's own cluster, priority 0; absent if that cluster is not known. */
  readonly local?: readonly ZoneCounts[];
  /** Identity of the caller's locality. */
  readonly ownKey: string;
}

/**
 * Divides requests over zones so that every upstream host gets the same load if all callers do the same. Shares are in
 * 1/10000 by integer division; zones are matched by identity, not by position.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware
 */
export function zonePlan(input: ZonePlanInput, options: ZoneAware): ZonePlan {
  const { upstream, local, ownKey } = input;
  const exit = zoneExit(input, options);
  if (exit !== undefined || local === undefined) return exit ?? { mode: "none", exit: "local-cluster-unknown" };

  const measure = (zone: ZoneCounts): number =>
    options.localityBasis === "HEALTHY_HOSTS_WEIGHT" ? zone.healthyWeight : zone.healthy;
  const totalUpstream = upstream.reduce((sum, zone) => sum + measure(zone), 0);
  const totalLocal = local.reduce((sum, zone) => sum + measure(zone), 0);
  const callers = new Map(local.map((zone) => [zone.key, measure(zone)]));
  const percentages = upstream.map((zone): ZonePercentages => {
    if (zone.healthy === 0) return { key: zone.key, local: 0, upstream: 0 };
    return {
      key: zone.key,
      local: totalLocal > 0 ? Math.floor((10_000 * (callers.get(zone.key) ?? 0)) / totalLocal) : 0,
      upstream: totalUpstream > 0 ? Math.floor((10_000 * measure(zone)) / totalUpstream) : 0,
    };
  });

  const own = upstream[0]?.key === ownKey ? percentages[0] : undefined;
  const ownHealthy = own ? (upstream[0]?.healthy ?? 0) : 0;
  const forced = options.forceLocalZoneMinSize !== undefined && ownHealthy >= options.forceLocalZoneMinSize;
  if (own && ((own.upstream > 0 && own.upstream >= own.local) || (forced && ownHealthy > 0))) {
    return { mode: "direct", percentages };
  }

  let room = 0;
  const residualCumulative = percentages.map((zone) => {
    if (zone !== own) room += Math.max(0, zone.upstream - zone.local);
    return room;
  });
  const localPercentToRoute = own && own.local > 0 ? Math.floor((own.upstream * 10_000) / own.local) : 0;
  return { mode: "residual", percentages, localPercentToRoute, residualCumulative };
}

function zoneExit(input: ZonePlanInput, options: ZoneAware): Extract<ZonePlan, { mode: "none" }> | undefined {
  const { upstream, local, ownKey } = input;
  if (local === undefined) return { mode: "none", exit: "local-cluster-unknown" };
  if (upstream.length < 2) return { mode: "none", exit: "upstream-in-one-zone" };
  // A local cluster without any host falls through: that its zone is empty says more.
  if (local.length === 1 && options.forceLocalZoneMinSize === undefined) {
    return { mode: "none", exit: "local-cluster-in-one-zone" };
  }
  const own = local.find((zone) => zone.key === ownKey);
  if (own === undefined || own.hosts === 0) {
    return { mode: "none", exit: "local-zone-has-no-callers", stat: "lb_local_cluster_not_ok" };
  }
  const healthy = upstream.reduce((sum, zone) => sum + zone.healthy, 0);
  if (healthy < (options.minClusterSize ?? 6)) {
    return { mode: "none", exit: "cluster-too-small", stat: "lb_zone_cluster_too_small" };
  }
  return undefined;
}
