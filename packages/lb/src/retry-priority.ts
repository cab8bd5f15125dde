import type { Host } from "./host.js";
import type { PriorityLoads } from "./priority-load.js";
import type { RetryPriority } from "./retry.js";

/**
 * The priorities a retry leaves alone. Each time another `updateFrequency` attempts are complete, the priorities of all
 * attempts so far are excluded; once that would leave no priority with health, the count starts again from nothing.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/source/extensions/retry/priority/previous_priorities/previous_priorities.cc
 */
export function excludedByAttempts(
  attempted: readonly Host[],
  options: RetryPriority,
  loads: PriorityLoads,
): ReadonlySet<number> {
  const excluded = new Set<number>();
  let sinceReset: number[] = [];
  for (const host of attempted) {
    sinceReset.push(host.priority);
    if (sinceReset.length % options.updateFrequency !== 0) continue;
    for (const priority of sinceReset) excluded.add(priority);
    const left = loads.health.some(
      (health, priority) => !excluded.has(priority) && health + (loads.degradedHealth[priority] ?? 0) > 0,
    );
    if (!left) {
      excluded.clear();
      sinceReset = [];
    }
  }
  return excluded;
}
