import { below } from "./clock.js";
import { EDF_MAX_PRE_PICKS } from "./edf.js";
import type { Trace } from "./explain.js";
import { drawsAllowed, isPassedOver } from "./host-selection.js";
import type { HostState } from "./host-state.js";
import { LevelSources } from "./level-sources.js";
import { localityKey } from "./locality.js";
import type { LocalityMode } from "./locality-options.js";
import type { PickContext } from "./pick.js";
import type { Picker } from "./picker.js";
import type { Balancer, BalancerEnv, HostsChange } from "./policy.js";
import { createPriorityChooser } from "./priority-chooser.js";
import type { PrioritySet } from "./priority-set.js";
import { createZoneRouter } from "./zone-router.js";

/** What makes one rotating policy different from another. */
export interface SourceBalancerOptions {
  /** Name for traces. */
  readonly name: string;
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
  /**
   * Whether the chooser draws hosts. The draw for the priority then comes before it also if it decides nothing, so that
   * the same draws give the same host whether or not other priorities have a share.
   */
  readonly draws?: boolean;
  /** Makes the chooser of one list; `seed` is the same for all lists of this balancer. */
  createPicker(seed: number): Picker;
}

/**
 * The way of choosing that round robin, least request and random share: draw a priority and a health class, then take
 * all its hosts (in panic), a locality, a zone or the whole class, then let the policy choose from that list. Every
 * list has a rotation of its own.
 */
export function sourceBalancer(set: PrioritySet, env: BalancerEnv, options: SourceBalancerOptions): Balancer {
  const seed = below(env.random, EDF_MAX_PRE_PICKS);
  const chooser = createPriorityChooser(set, env);
  // Two functions and no condition: what is called seldom is not compiled in, and its number then takes a box.
  const pickDirect = options.draws
    ? (picker: Picker, context: PickContext) => {
        env.random();
        return picker.pick(context);
      }
    : (picker: Picker, context: PickContext) => picker.pick(context);
  const weighted = options.locality?.kind === "locality-weighted";
  const zones = options.locality?.kind === "zone-aware" ? createZoneRouter(set, env, options.locality) : undefined;
  let levels: LevelSources[] = [];
  let stale = true;
  /** Priorities whose lists changed since they were last used, and which hosts of theirs; `undefined`: any. */
  let changed: Map<number, HostState[] | undefined> = new Map();
  /** Whether all priorities changed. */
  let allChanged = true;
  /** Who takes every first attempt, if neither priority nor place is a question. */
  let direct: Picker | undefined;

  const rebuild = (): void => {
    stale = false;
    direct = undefined;
    levels = set.levels.map((_, priority) => levels[priority] ?? new LevelSources(options, seed));
    // A change in one priority leaves the schedules of the others where they stand, as in Envoy.
    for (const priority of allChanged ? levels.keys() : changed.keys()) {
      const hosts = set.levels[priority];
      if (hosts)
        levels[priority]?.use(hosts, set.overprovisioningFactor, allChanged ? undefined : changed.get(priority));
    }
    allChanged = false;
    changed = new Map();
    if (!weighted && zones === undefined) direct = levels[chooser.settled()]?.byClass(false).picker;
  };

  const note = (change: HostsChange): void => {
    if (change.kind === "membership" && change.priority === undefined) {
      allChanged = true;
      return;
    }
    const priority = change.kind === "membership" ? (change.priority as number) : change.host.priority;
    const hosts = (change.kind === "membership" ? change.hosts : [change.host]) as HostState[] | undefined;
    const known = changed.has(priority) ? changed.get(priority) : [];
    if (known && hosts) for (const host of hosts) known.push(host);
    changed.set(priority, hosts && known);
  };

  /** The list to choose from: the hot path of every pick, so it allocates only for a trace. */
  const chooseSource = (context: PickContext, trace?: Trace): Picker | undefined => {
    const panic = chooser.choose(context, below(env.random, 100) + 1, trace);
    const { priority, degraded } = chooser.choice;
    const level = levels[priority];
    if (level === undefined) return undefined;
    if (panic) {
      env.count("lb_healthy_panic");
      if (zones?.failTrafficOnPanic) return undefined;
      trace?.push({ step: "source", source: "all", panic: true, candidates: level.all.size });
      return level.all.picker;
    }
    let locality = -1;
    if (weighted) locality = (degraded ? level.degradedSchedule : level.healthySchedule).pick();
    else if (zones !== undefined && priority === 0) {
      locality = zones.choose();
      if (locality === zones.refused) return undefined;
    }
    const source = locality < 0 ? level.byClass(degraded) : level.byLocality(degraded, locality);
    if (trace) {
      const place = locality < 0 ? undefined : set.levels[priority]?.localities[locality]?.locality;
      trace.push({
        step: "source",
        source: degraded ? "degraded" : "healthy",
        panic: false,
        ...(place && { locality: localityKey(place) }),
        candidates: source.size,
      });
    }
    return source.picker;
  };

  return {
    choose(context, trace) {
      if (stale) rebuild();
      if (direct !== undefined && trace === undefined && !context.attempted?.length) {
        return pickDirect(direct, context);
      }
      for (let left = drawsAllowed(context); ; left--) {
        const host: HostState | undefined = chooseSource(context, trace)?.pick(context);
        if (host === undefined) return undefined;
        trace?.push({ step: "host", policy: options.name, address: host.address });
        if (left <= 1 || !isPassedOver(host, context)) return host;
        trace?.push({ step: "rejected", address: host.address, why: "a host predicate passes it over" });
      }
    },
    refresh(change) {
      stale = true;
      note(change);
      chooser.refresh();
    },
    snapshot: () => levels.map((level) => level.positions()),
    restore(state) {
      if (stale) rebuild();
      if (!Array.isArray(state)) return;
      for (const [priority, positions] of state.entries()) levels[priority]?.setPositions(positions);
    },
  };
}
