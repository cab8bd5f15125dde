import type { Clock, Random } from "./clock.js";
import type { HealthCheckFailure, HealthEvent, LbEvent } from "./event.js";
import {
  applyCheck,
  type CheckEvent,
  type CheckResult,
  type CheckState,
  type HealthCheckOptions,
  nextCheckDelay,
  uncheckedState,
} from "./health-check.js";
import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";
import type { HostStore } from "./host-store.js";

/** What the board needs of its cluster. */
export interface HealthBoardOwner {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the cluster ever had a request. */
  readonly hasTraffic: boolean;
  emit(event: LbEvent): void;
  count(statistic: string): void;
}

const CHECK_FLAGS =
  HostFlag.failedActiveHealthCheck |
  HostFlag.pendingActiveHealthCheck |
  HostFlag.degradedActiveHealthCheck |
  HostFlag.activeHealthCheckTimeout |
  HostFlag.excludedViaImmediateHealthCheckFail;

const COUNTERS = ["attempt", "success", "failure", "passive_failure", "network_failure"] as const;

/** What of an event the result alone says. */
type LoggedEvent = Pick<HealthEvent, "action" | "failureType" | "firstCheck">;

const FAILURES: Readonly<Partial<Record<CheckResult, HealthCheckFailure>>> = {
  network: "NETWORK",
  timeout: "NETWORK_TIMEOUT",
  passive: "PASSIVE",
};

/** Turns results of active health checks into flags of hosts, events and statistics. */
export class HealthBoard {
  private readonly options: HealthCheckOptions;
  private readonly owner: HealthBoardOwner;
  private readonly store: HostStore;

  constructor(options: HealthCheckOptions, owner: HealthBoardOwner, store: HostStore) {
    this.options = options;
    this.owner = owner;
    this.store = store;
  }

  /** Takes a result into account; says when the next check is due and whether this one passed. */
  report(host: HostState, result: CheckResult): { readonly delayMs: number; readonly passed: boolean } {
    const passed = result === "ok" || result === "degraded";
    const before = stateOf(host);
    const step = applyCheck(before, result, this.options);
    this.count(result, passed);
    // Slow start begins anew each time a check brings the host back.
    if (before.failed && passed) host.slowStartFrom = this.owner.clock.now();
    this.take(host, step.state, eventsOf(step.events, result, before.first));
    return {
      passed,
      delayMs: nextCheckDelay(passed, step.transition, this.owner.hasTraffic, this.options, this.owner.random),
    };
  }

  /** A response asked to leave the host alone: it is out and out of every denominator until a check passes. */
  failAtOnce(host: HostState): void {
    // No check would ever let it back in.
    if (host.healthCheck?.disabled) return;
    const before = stateOf(host);
    const step = applyCheck(before, "passive", this.options);
    this.count("passive", false);
    this.take(host, { ...step.state, excluded: true }, eventsOf(step.events, "passive", before.first));
  }

  /** Takes over what the checks of an earlier cluster found. Streaks start anew: thresholds may be others. */
  restore(host: HostState, state: CheckState): void {
    this.take(host, { ...state, successes: 0, failures: 0 }, []);
  }

  /** Writes gauges and counters under Envoy's names. */
  writeStats(into: Record<string, number>): void {
    for (const name of COUNTERS) into[`health_check.${name}`] ??= 0;
    // As they are: Envoy takes none off that is degraded no more.
    let [healthy, degraded] = [0, 0];
    for (const host of this.store.all()) {
      if (host.healthCheck?.disabled) continue;
      if (!(host.flags & HostFlag.failedActiveHealthCheck)) healthy += 1;
      if (host.flags & HostFlag.degradedActiveHealthCheck) degraded += 1;
    }
    into["health_check.healthy"] = healthy;
    into["health_check.degraded"] = degraded;
  }

  private take(host: HostState, state: CheckState, events: readonly LoggedEvent[]): void {
    host.check = state;
    this.store.setFlags(host, (host.flags & ~CHECK_FLAGS) | flagsOf(state));
    for (const event of events) {
      this.owner.emit({
        at: this.owner.clock.now(),
        cluster: this.owner.name,
        host: host.address,
        ...event,
      });
    }
    // Discovery dropped it before; now nothing speaks for it any more.
    if (state.failed && host.flags & HostFlag.pendingDynamicRemoval) this.store.drop(host);
  }

  private count(result: CheckResult, passed: boolean): void {
    if (result !== "passive") this.owner.count("health_check.attempt");
    this.owner.count(passed ? "health_check.success" : "health_check.failure");
    if (result === "network" || result === "timeout") this.owner.count("health_check.network_failure");
    if (result === "passive") this.owner.count("health_check.passive_failure");
  }
}

function stateOf(host: HostState): CheckState {
  return host.check ?? uncheckedState((host.flags & HostFlag.pendingActiveHealthCheck) !== 0);
}

function flagsOf(state: CheckState): number {
  return (
    (state.failed ? HostFlag.failedActiveHealthCheck : 0) |
    (state.pending ? HostFlag.pendingActiveHealthCheck : 0) |
    (state.degraded ? HostFlag.degradedActiveHealthCheck : 0) |
    (state.timedOut ? HostFlag.activeHealthCheckTimeout : 0) |
    (state.excluded ? HostFlag.excludedViaImmediateHealthCheckFail : 0)
  );
}

function eventsOf(events: readonly CheckEvent[], result: CheckResult, firstCheck: boolean): LoggedEvent[] {
  const failureType = FAILURES[result] ?? "ACTIVE";
  return events.map((event) => loggedEvent(event, failureType, firstCheck));
}

function loggedEvent(event: CheckEvent, failureType: HealthCheckFailure, firstCheck: boolean): LoggedEvent {
  switch (event) {
    case "eject_unhealthy":
      return { action: "EJECT_UNHEALTHY", failureType };
    case "first_check_failure":
    case "health_check_failure":
      return { action: "HEALTH_CHECK_FAILURE", failureType, firstCheck };
    case "add_healthy":
      return { action: "ADD_HEALTHY", firstCheck };
    case "successful_health_check":
      return { action: "SUCCESSFUL_HEALTH_CHECK" };
    case "degraded_healthy_host":
      return { action: "DEGRADED_HEALTHY_HOST" };
    case "no_longer_degraded_host":
      return { action: "NO_LONGER_DEGRADED_HOST" };
  }
}
