import { below } from "./clock.js";
import type { HostState } from "./host-state.js";
import { localityKey } from "./locality.js";
import type { ZoneAware } from "./locality-options.js";
import type { BalancerEnv } from "./policy.js";
import { isInPanic } from "./priority-load.js";
import type { HostSet, PrioritySet } from "./priority-set.js";
import { type ZoneCounts, type ZonePlan, zonePlan } from "./zone-plan.js";

/** Chooses a zone for each request to priority 0. */
export interface ZoneRouter {
  /** Index of a locality, −1 for "do not look at zones", or {@link ZoneRouter.refused}. Allocates nothing. */
  choose(): number;
  /** What {@link ZoneRouter.choose} answers when the request must fail because the local cluster panics. */
  readonly refused: number;
  /** Whether panic means no host. */
  readonly failTrafficOnPanic: boolean;
  /** The plan in force. */
  plan(): ZonePlan;
}

const WHOLE = 10_000;

/** Makes the zone router of one balancer; plans are made again when either cluster changed. */
export function createZoneRouter(set: PrioritySet, env: BalancerEnv, options: ZoneAware): ZoneRouter {
  const { local } = env;
  const refused = -2;
  const failTrafficOnPanic = options.failTrafficOnPanic ?? false;
  const routingEnabled = options.routingEnabledPercent ?? 100;
  let current: ZonePlan | undefined;
  let upstreamVersion = -1;
  let localVersion = -1;
  let localInPanic = false;

  const plan = (): ZonePlan => {
    const callers = local?.hosts?.version ?? 0;
    if (current !== undefined && upstreamVersion === set.version && localVersion === callers) return current;
    upstreamVersion = set.version;
    localVersion = callers;
    const localLevel = local?.hosts?.levels[0];
    localInPanic = localLevel !== undefined && panics(localLevel, env.panicThresholdPercent);
    current = zonePlan(
      {
        upstream: set.levels[0]?.localities.map(zoneCounts) ?? [],
        ...(localLevel && { local: localLevel.localities.map(zoneCounts) }),
        ownKey: local ? localityKey(local.locality) : "",
      },
      options,
    );
    if (current.mode === "none" && current.stat !== undefined) env.count(current.stat);
    return current;
  };

  const chooseResidual = (residual: Extract<ZonePlan, { mode: "residual" }>): number => {
    if (below(env.random, WHOLE) < residual.localPercentToRoute) {
      env.count("lb_zone_routing_sampled");
      return 0;
    }
    env.count("lb_zone_routing_cross_zone");
    const { residualCumulative } = residual;
    const room = residualCumulative[residualCumulative.length - 1] ?? 0;
    if (room === 0) {
      env.count("lb_zone_no_capacity_left");
      return below(env.random, residualCumulative.length);
    }
    const draw = below(env.random, room);
    let zone = 0;
    while (draw >= (residualCumulative[zone] as number)) zone += 1;
    return zone;
  };

  return {
    refused,
    failTrafficOnPanic,
    plan,
    choose() {
      const present = plan();
      if (present.mode === "none") return -1;
      if (routingEnabled < 100 && env.random() * 100 >= routingEnabled) return -1;
      if (localInPanic) {
        env.count("lb_local_cluster_not_ok");
        return failTrafficOnPanic ? refused : -1;
      }
      if (present.mode === "residual") return chooseResidual(present);
      env.count("lb_zone_routing_all_directly");
      return 0;
    },
  };
}

function zoneCounts(level: HostSet["localities"][number]): ZoneCounts {
  let healthyWeight = 0;
  for (const host of level.healthy as readonly HostState[]) healthyWeight += host.weight;
  return {
    key: localityKey(level.locality),
    healthy: level.healthy.length,
    healthyWeight,
    hosts: level.hosts.length,
  };
}

function panics(level: HostSet, thresholdPercent: number): boolean {
  return isInPanic(
    {
      hosts: level.hosts.length,
      healthy: level.healthy.length,
      degraded: level.degraded.length,
      excluded: level.excluded,
    },
    thresholdPercent,
  );
}
