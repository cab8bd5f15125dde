import { below, type Random } from "./clock.js";

/** Timing and thresholds of active health checks; times in milliseconds. */
export interface HealthCheckOptions {
  /** Time between checks, above 0. */
  readonly intervalMs: number;
  /** Time a check may take, above 0. */
  readonly timeoutMs: number;
  /** Passing checks that bring an unhealthy host back; 0 is never reached, as in Envoy. */
  readonly healthyThreshold: number;
  /** Failing checks that take a healthy host out; 0 is never reached, as in Envoy. A clear refusal takes one. */
  readonly unhealthyThreshold: number;
  /** Up to this long before the first check. Default: 0. */
  readonly initialJitterMs?: number;
  /** Up to this much longer between checks. Default: 0. */
  readonly intervalJitterMs?: number;
  /** Up to this many percent longer between checks. Default: 0. */
  readonly intervalJitterPercent?: number;
  /** Between checks while the cluster has had no traffic. Default: 60000. */
  readonly noTrafficIntervalMs?: number;
  /** The same after a passing check. Default: `noTrafficIntervalMs`. */
  readonly noTrafficHealthyIntervalMs?: number;
  /** After a failing check. Default: `intervalMs`. */
  readonly unhealthyIntervalMs?: number;
  /** After a failing check that did not take the host out yet. Default: `unhealthyIntervalMs`. */
  readonly unhealthyEdgeIntervalMs?: number;
  /** After a passing check that did not bring the host back yet. Default: `intervalMs`. */
  readonly healthyEdgeIntervalMs?: number;
  /** An event for each failing check, not only for the first. Default: false. */
  readonly alwaysLogFailures?: boolean;
  /** An event for each passing check that does not bring the host back. Default: false. */
  readonly alwaysLogSuccess?: boolean;
}

/** What one check came to. */
export type CheckResult =
  /** It passed. */
  | "ok"
  /** It passed, and the host says that it is degraded. */
  | "degraded"
  /** The host refused; that counts at once. */
  | "fail"
  /** The host refused and asked to be left alone: out at once, and of every denominator until it is back. */
  | "excluded"
  /** The host answered with a status that is to be counted like a network failure. */
  | "retriable"
  /** No connection, or it broke. */
  | "network"
  /** No answer in time. */
  | "timeout"
  /** Not a check: a response to a request said that the host is unhealthy. */
  | "passive";

/** What is known of one host from its checks. */
export interface CheckState {
  /** The host is out. */
  readonly failed: boolean;
  /** The host is left out of denominators until its first result. */
  readonly pending: boolean;
  /** The host said it is degraded. */
  readonly degraded: boolean;
  /** The last failure was a timeout. */
  readonly timedOut: boolean;
  /** A response to a check or a request asked to leave the host alone at once. */
  readonly excluded: boolean;
  /** No result yet. */
  readonly first: boolean;
  /** Passing checks in a row while out. */
  readonly successes: number;
  /** Failing checks in a row while in. */
  readonly failures: number;
}

/** Something the event log records, with Envoy's names in lower case. */
export type CheckEvent =
  | "eject_unhealthy"
  | "add_healthy"
  | "first_check_failure"
  | "health_check_failure"
  | "successful_health_check"
  | "degraded_healthy_host"
  | "no_longer_degraded_host";

/** What a result changes. */
export interface CheckStep {
  /** The state from now on. */
  readonly state: CheckState;
  /** `"pending"`: a change is on its way but its threshold is not reached. */
  readonly transition: "unchanged" | "changed" | "pending";
  /** In the order in which they are logged. */
  readonly events: readonly CheckEvent[];
}

/** The state of a host that no check has seen: out until the first one passes. */
export function uncheckedState(ignoreUntilFirstCheck = false): CheckState {
  return {
    failed: true,
    pending: ignoreUntilFirstCheck,
    degraded: false,
    timedOut: false,
    excluded: false,
    first: true,
    successes: 0,
    failures: 0,
  };
}

/**
 * Takes one result into account.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking
 */
export function applyCheck(state: CheckState, result: CheckResult, options: HealthCheckOptions): CheckStep {
  return result === "ok" || result === "degraded"
    ? applySuccess(state, result === "degraded", options)
    : applyFailure(state, result, options);
}

function applySuccess(state: CheckState, degraded: boolean, options: HealthCheckOptions): CheckStep {
  const events: CheckEvent[] = [];
  let transition: CheckStep["transition"] = "unchanged";
  let next: CheckState = { ...state, failures: 0 };
  if (state.failed) {
    // The first check ever decides at once: a fresh cluster is usable after one round.
    const successes = state.first ? state.successes : state.successes + 1;
    if (state.first || successes === options.healthyThreshold) {
      next = { ...next, failed: false, timedOut: false, excluded: false, successes };
      transition = "changed";
      events.push("add_healthy");
    } else {
      next = { ...next, successes };
      transition = "pending";
    }
  }
  if (transition !== "changed" && options.alwaysLogSuccess) events.push("successful_health_check");
  if (state.pending) transition = "changed";
  if (degraded !== state.degraded) {
    events.push(degraded ? "degraded_healthy_host" : "no_longer_degraded_host");
    if (transition === "unchanged") transition = "changed";
  }
  return { state: { ...next, degraded, pending: false, first: false }, transition, events };
}

function applyFailure(
  state: CheckState,
  result: Exclude<CheckResult, "ok" | "degraded">,
  options: HealthCheckOptions,
): CheckStep {
  const events: CheckEvent[] = [];
  let transition: CheckStep["transition"] = "unchanged";
  let next: CheckState = { ...state, successes: 0, pending: false, first: false };
  if (!state.failed) {
    const counted = result === "retriable" || result === "network" || result === "timeout";
    const failures = counted ? state.failures + 1 : state.failures;
    if (!counted || failures === options.unhealthyThreshold) {
      next = { ...next, failed: true, failures };
      transition = "changed";
      events.push("eject_unhealthy");
    } else {
      next = { ...next, failures };
      transition = "pending";
    }
  }
  next = {
    ...next,
    timedOut: result === "timeout" && next.failed,
    excluded: next.excluded || result === "excluded",
  };
  if (state.pending) transition = "changed";
  if (state.first) events.push("first_check_failure");
  else if (options.alwaysLogFailures) events.push("health_check_failure");
  return { state: next, transition, events };
}

/**
 * Milliseconds until the next check, chosen by how the last one went.
 *
 * @param hasTraffic - Whether the cluster has ever had a connection.
 */
export function nextCheckDelay(
  passed: boolean,
  transition: CheckStep["transition"],
  hasTraffic: boolean,
  options: HealthCheckOptions,
  random: Random,
): number {
  return withJitter(baseInterval(passed, transition === "pending", hasTraffic, options), options, random);
}

function baseInterval(passed: boolean, pending: boolean, hasTraffic: boolean, options: HealthCheckOptions): number {
  const { intervalMs } = options;
  if (!hasTraffic) {
    const noTraffic = options.noTrafficIntervalMs ?? 60_000;
    return passed && !pending ? (options.noTrafficHealthyIntervalMs ?? noTraffic) : noTraffic;
  }
  if (passed) return pending ? (options.healthyEdgeIntervalMs ?? intervalMs) : intervalMs;
  const unhealthy = options.unhealthyIntervalMs ?? intervalMs;
  return pending ? (options.unhealthyEdgeIntervalMs ?? unhealthy) : unhealthy;
}

/** Milliseconds before the first check: 0, or a random wait so that fresh clusters do not check all at once. */
export function firstCheckDelay(options: HealthCheckOptions, random: Random): number {
  const jitter = options.initialJitterMs ?? 0;
  return jitter > 0 ? Math.max(1, below(random, jitter)) : 0;
}

/** Adds jitter to an interval; never less than 1 ms, so that checks cannot spin. */
function withJitter(baseMs: number, options: HealthCheckOptions, random: Random): number {
  const percentLimit = Math.floor(((options.intervalJitterPercent ?? 0) * baseMs) / 100);
  let delay = baseMs;
  if (percentLimit > 0) delay += below(random, percentLimit);
  const jitter = options.intervalJitterMs ?? 0;
  if (jitter > 0) delay += below(random, jitter);
  return Math.max(1, delay);
}
