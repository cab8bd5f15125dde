import { below } from "./clock.js";
import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";
import type { OutlierConfig } from "./outlier-config.js";
import type { OutlierHost } from "./outlier-detection.js";
import { isServerError } from "./outlier-record.js";
import { type OutlierState, secondsSince } from "./outlier-state.js";
import type { Outcome } from "./pick.js";

/**
 * Marks hosts that say they are degraded. They get less traffic then and may have no chance to say otherwise, so Envoy
 * clears the mark by time: it lasts as long as an ejection would and has a back-off of its own.
 */
export class OutlierDegradation {
  private readonly config: OutlierConfig;
  private readonly cluster: OutlierHost;

  constructor(config: OutlierConfig, cluster: OutlierHost) {
    this.config = config;
    this.cluster = cluster;
  }

  /** Takes a response into account; what fails counts towards an ejection instead. */
  record(host: HostState, state: OutlierState, outcome: Outcome): void {
    if (outcome.result !== "response" || !outcome.degraded || isServerError(outcome.status ?? 200)) return;
    if (isDegraded(host)) return;
    const { baseEjectionTimeMs: base, maxEjectionTimeMs: max, maxEjectionTimeJitterMs: jitter } = this.config;
    const now = this.cluster.clock.now();
    const secsSinceLastAction = secondsSince(state.undegradedAt, now);
    state.degradedAt = now;
    if (state.degradeBackoff * base < max + base) state.degradeBackoff += 1;
    state.degradeJitterMs = jitter > 0 ? below(this.cluster.random, jitter + 1) : 0;
    this.cluster.count("outlier_detection.ejections_detected_degradation");
    this.cluster.setFlags(host, host.flags | HostFlag.degradedOutlierDetection);
    this.cluster.emit({
      action: "EJECT",
      at: now,
      cluster: this.cluster.name,
      host: host.address,
      type: "DEGRADED",
      enforced: true,
      numEjections: state.numEjections,
      secsSinceLastAction,
    });
  }

  /** Clears the mark if its time is over. */
  clearIfServed(host: HostState, state: OutlierState, now: number): void {
    if (!isDegraded(host)) return;
    const { baseEjectionTimeMs: base, maxEjectionTimeMs: max } = this.config;
    if (now - state.degradedAt < Math.min(base * state.degradeBackoff, max) + state.degradeJitterMs) return;
    state.undegradedAt = now;
    this.cluster.setFlags(host, host.flags & ~HostFlag.degradedOutlierDetection);
    this.cluster.emit({
      action: "UNEJECT",
      type: "DEGRADED",
      at: now,
      cluster: this.cluster.name,
      host: host.address,
      numEjections: state.numEjections,
      secsSinceLastAction: secondsSince(state.degradedAt, now),
    });
  }

  /** Flags of a host with the mark that an earlier detector left, if it is still wanted. */
  restoredFlags(flags: number, state: OutlierState): number {
    // A time to come is damaged: the mark would stay until then.
    state.degradedAt = Math.min(state.degradedAt, this.cluster.clock.now());
    state.degradeBackoff = Math.max(0, state.degradeBackoff);
    state.degradeJitterMs = Math.min(Math.max(0, state.degradeJitterMs), this.config.maxEjectionTimeJitterMs);
    const marked = this.config.detectDegradedHosts && state.degradedAt > state.undegradedAt;
    return marked ? flags | HostFlag.degradedOutlierDetection : flags & ~HostFlag.degradedOutlierDetection;
  }

  /** Forgets one step of the back-off if the host was not degraded for an interval. */
  decay(host: HostState, state: OutlierState, now: number): void {
    if (isDegraded(host) || state.degradeBackoff === 0) return;
    if (now - state.undegradedAt >= this.config.intervalMs) state.degradeBackoff -= 1;
  }
}

function isDegraded(host: HostState): boolean {
  return (host.flags & HostFlag.degradedOutlierDetection) !== 0;
}
