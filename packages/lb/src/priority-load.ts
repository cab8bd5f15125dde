/** What the loads of one priority are computed from: host counts, and weight sums when weights count. */
export interface PriorityCounts {
  /** All hosts. */
  readonly hosts: number;
  /** Hosts of the healthy class. */
  readonly healthy: number;
  /** Hosts of the degraded class. */
  readonly degraded: number;
  /** Hosts left out of denominators. */
  readonly excluded: number;
  /** The same four as sums of weights, for `weighted_priority_health`. */
  readonly weights?: Pick<PriorityCounts, "hosts" | "healthy" | "degraded" | "excluded">;
  /** Percent by which health is scaled up. Default: 140, as in Envoy. */
  readonly overprovisioningFactor?: number;
}

/** How traffic divides over priorities; every list is indexed by priority, in integer percent. */
export interface PriorityLoads {
  /** Health scaled by the overprovisioning factor, at most 100. */
  readonly health: readonly number[];
  /** The same for degraded hosts. */
  readonly degradedHealth: readonly number[];
  /** Sum of all of the above, at most 100. */
  readonly normalizedTotal: number;
  /** Percent of traffic for the healthy hosts of a priority. */
  readonly healthyLoad: readonly number[];
  /** Percent of traffic for its degraded hosts; with the healthy loads it adds up to 100. */
  readonly degradedLoad: readonly number[];
  /** Priorities that use all their hosts because too few are available. */
  readonly panic: readonly boolean[];
}

/** Percent of hosts that may be used, scaled by the overprovisioning factor, floored, at most 100. */
function scaledHealth(available: number, total: number, overprovisioningFactor: number): number {
  return total <= 0 ? 0 : Math.min(100, Math.floor((overprovisioningFactor * available) / total));
}

/** Whether too few of a priority's hosts are available. Hosts count, not weights. */
export function isInPanic(counts: PriorityCounts, thresholdPercent: number): boolean {
  const total = counts.hosts - counts.excluded;
  const available = total <= 0 ? 0 : (100 * counts.healthy) / total + (100 * counts.degraded) / total;
  return available < Math.min(100, Math.trunc(thresholdPercent));
}

/**
 * Divides traffic over priorities. All arithmetic is in integers, rounded down; what rounding leaves goes to the first
 * priority that can take it.
 *
 * @param excludedPriorities - Priorities to treat as without health, for retries on others.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 */
export function priorityLoads(
  levels: readonly PriorityCounts[],
  panicThresholdPercent: number,
  excludedPriorities?: ReadonlySet<number>,
): PriorityLoads {
  const health: number[] = [];
  const degradedHealth: number[] = [];
  for (const [priority, level] of levels.entries()) {
    const { hosts, healthy, degraded, excluded } = level.weights ?? level;
    const overprovisioningFactor = level.overprovisioningFactor ?? 140;
    const usable = excludedPriorities?.has(priority) ? 0 : hosts - excluded;
    health.push(scaledHealth(healthy, usable, overprovisioningFactor));
    degradedHealth.push(scaledHealth(degraded, usable, overprovisioningFactor));
  }
  const normalizedTotal = Math.min(100, sum(health) + sum(degradedHealth));
  const healthyLoad = levels.map(() => 0);
  const degradedLoad = levels.map(() => 0);
  if (normalizedTotal === 0) {
    if (levels.length > 0) healthyLoad[0] = 100;
  } else {
    let left = 100;
    left = distribute(health, healthyLoad, normalizedTotal, left);
    left = distribute(degradedHealth, degradedLoad, normalizedTotal, left);
    const firstHealthy = health.findIndex((percent) => percent > 0);
    const firstDegraded = degradedHealth.findIndex((percent) => percent > 0);
    if (firstHealthy >= 0) healthyLoad[firstHealthy] = (healthyLoad[firstHealthy] ?? 0) + left;
    else degradedLoad[firstDegraded] = (degradedLoad[firstDegraded] ?? 0) + left;
  }
  const panic = levels.map((level) => normalizedTotal < 100 && isInPanic(level, panicThresholdPercent));
  if (levels.length > 0 && panic.every((inPanic) => inPanic)) spreadByHostCount(levels, healthyLoad, degradedLoad);
  return { health, degradedHealth, normalizedTotal, healthyLoad, degradedLoad, panic };
}

function distribute(health: readonly number[], load: number[], normalizedTotal: number, available: number): number {
  let left = available;
  for (const [priority, percent] of health.entries()) {
    const share = Math.min(left, Math.floor((percent * 100) / normalizedTotal));
    load[priority] = share;
    left -= share;
  }
  return left;
}

/** When every priority panics, health says nothing any more: load follows the number of hosts. */
function spreadByHostCount(levels: readonly PriorityCounts[], healthyLoad: number[], degradedLoad: number[]): void {
  const total = levels.reduce((count, level) => count + level.hosts, 0);
  degradedLoad.fill(0);
  healthyLoad.fill(0);
  if (total === 0) {
    healthyLoad[0] = 100;
    return;
  }
  let left = 100;
  for (const [priority, level] of levels.entries()) {
    const share = Math.floor((100 * level.hosts) / total);
    healthyLoad[priority] = share;
    left -= share;
  }
  const firstWithHosts = levels.findIndex((level) => level.hosts > 0);
  healthyLoad[firstWithHosts] = (healthyLoad[firstWithHosts] ?? 0) + left;
}

/** What a draw of 1–100 falls on: healthy loads first, then degraded ones. */
export interface PriorityChoice {
  /** The priority. */
  priority: number;
  /** Whether it was reached through its degraded hosts. */
  degraded: boolean;
}

/** Writes into `choice` which priority a draw of 1–100 falls on; allocates nothing. */
export function choosePriority(loads: PriorityLoads, draw: number, choice: PriorityChoice): void {
  const { healthyLoad, degradedLoad } = loads;
  let cumulative = 0;
  for (let priority = 0; priority < healthyLoad.length; priority++) {
    cumulative += healthyLoad[priority] as number;
    if (draw <= cumulative) {
      choice.priority = priority;
      choice.degraded = false;
      return;
    }
  }
  for (let priority = 0; priority < degradedLoad.length; priority++) {
    cumulative += degradedLoad[priority] as number;
    if (draw <= cumulative) {
      choice.priority = priority;
      choice.degraded = true;
      return;
    }
  }
  choice.priority = 0;
  choice.degraded = false;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
