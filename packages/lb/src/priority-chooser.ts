import type { Trace } from "./explain.js";
import type { Host } from "./host.js";
import { type HostState, isExcluded } from "./host-state.js";
import type { PickContext } from "./pick.js";
import type { BalancerEnv } from "./policy.js";
import {
  choosePriority,
  type PriorityChoice,
  type PriorityCounts,
  type PriorityLoads,
  priorityLoads,
} from "./priority-load.js";
import type { HostSet, PrioritySet } from "./priority-set.js";
import { excludedByAttempts } from "./retry-priority.js";

/** Chooses priorities for a priority set and remembers its loads until it changes. */
export interface PriorityChooser {
  /** What the last {@link PriorityChooser.choose} found; the same object every time. */
  readonly choice: Readonly<PriorityChoice>;
  /** The present loads. */
  loads(): PriorityLoads;
  /** Writes the choice for a draw of 1–100; returns whether that priority panics. Allocates only for retries. */
  choose(context: PickContext, draw: number, trace?: Trace): boolean;
  /**
   * The priority whose healthy hosts take every first attempt, so that no draw matters; −1 if loads are divided, or it
   * panics.
   */
  settled(): number;
  /** Notes that the priority set changed. */
  refresh(): void;
}

/** Makes the chooser of one balancer. */
export function createPriorityChooser(set: PrioritySet, env: BalancerEnv): PriorityChooser {
  const choice: PriorityChoice = { priority: 0, degraded: false };
  let counts: PriorityCounts[] = [];
  let current: PriorityLoads | undefined;

  const loads = (): PriorityLoads => {
    if (current === undefined) {
      counts = set.levels.map((level) => countsOf(level, set));
      current = priorityLoads(counts, env.panicThresholdPercent);
    }
    return current;
  };

  const loadsFor = (context: PickContext): PriorityLoads => {
    const original = loads();
    if (context.retryPriority === undefined || !context.attempted?.length) return original;
    const excluded = excludedByAttempts(context.attempted, context.retryPriority, original);
    return excluded.size === 0 ? original : priorityLoads(counts, env.panicThresholdPercent, excluded);
  };

  return {
    choice,
    loads,
    choose(context, draw, trace) {
      const used = loadsFor(context);
      choosePriority(used, draw, choice);
      trace?.push({
        step: "priority",
        healthyLoad: used.healthyLoad,
        degradedLoad: used.degradedLoad,
        draw,
        priority: choice.priority,
        health: choice.degraded ? "degraded" : "healthy",
      });
      return loads().panic[choice.priority] ?? false;
    },
    settled() {
      const { healthyLoad, panic } = loads();
      const priority = healthyLoad.indexOf(100);
      return priority >= 0 && panic[priority] === false ? priority : -1;
    },
    refresh() {
      current = undefined;
    },
  };
}

function countsOf(level: HostSet, set: PrioritySet): PriorityCounts {
  const counts = {
    overprovisioningFactor: set.overprovisioningFactor,
    hosts: level.hosts.length,
    healthy: level.healthy.length,
    degraded: level.degraded.length,
    excluded: level.excluded,
  };
  if (!set.weightedPriorityHealth) return counts;
  const healthy = weightOf(level.healthy);
  const degraded = weightOf(level.degraded);
  return {
    ...counts,
    weights: { hosts: weightOf(level.hosts), healthy, degraded, excluded: excludedWeight(level.hosts) },
  };
}

function weightOf(hosts: readonly Host[]): number {
  let sum = 0;
  for (const host of hosts) sum += host.weight;
  return sum;
}

/** By the flags a host is listed by, as the lists beside it: those it has by now may wait for the merge window. */
function excludedWeight(hosts: readonly Host[]): number {
  return weightOf(hosts.filter((host) => isExcluded((host as HostState).listedFlags)));
}
