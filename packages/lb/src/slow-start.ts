import type { HostState } from "./host-state.js";

/** Lets traffic to a new host grow over time instead of starting at its full share. */
export interface SlowStartOptions {
  /** Length of the ramp in milliseconds, above 0. */
  readonly windowMs: number;
  /** Above 1 the ramp is steeper at first, below 1 flatter. Default: 1; what is not a positive number counts as 1. */
  readonly aggression?: number;
  /** Percent of its weight a host starts with at least, 0–100. Default: 10. */
  readonly minWeightPercent?: number;
}

/**
 * The weight of a host some time after its slow start began.
 *
 * @param elapsedMs - Time since the start; below 1 ms counts as 1 ms.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start
 */
export function slowStartWeight(weight: number, elapsedMs: number, options: SlowStartOptions): number {
  if (elapsedMs >= options.windowMs) return weight;
  const aggression = options.aggression ?? 1;
  const exponent = aggression > 0 ? 1 / aggression : 1;
  const timeFactor = Math.max(1, elapsedMs) / options.windowMs;
  const ramp = exponent === 1 ? timeFactor : timeFactor ** exponent;
  return weight * Math.max((options.minWeightPercent ?? 10) / 100, ramp);
}

/** Whether the host is on the ramp; only hosts of the healthy class are. */
export function isInSlowStart(host: HostState, now: number, options: SlowStartOptions): boolean {
  return host.health === "healthy" && now - host.slowStartFrom < options.windowMs;
}
