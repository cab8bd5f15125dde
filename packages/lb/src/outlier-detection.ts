import { below, type Clock, type Random } from "./clock.js";
import type { EjectEvent, EjectionType, LbEvent } from "./event.js";
import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";
import type { OutlierConfig } from "./outlier-config.js";
import { OutlierDegradation } from "./outlier-degradation.js";
import { isServerError, Reached, recordOutcome } from "./outlier-record.js";
import { createOutlierState, type OutlierState, secondsSince, turnBucket } from "./outlier-state.js";
import { sweep } from "./outlier-sweep.js";
import type { Outcome } from "./pick.js";

/** What the detector needs of its cluster. */
export interface OutlierHost {
  /** Name for events. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** All hosts, of every priority. */
  hosts(): Iterable<HostState>;
  /** How many they are. */
  hostCount(): number;
  /** Changes flags and moves the host to its new class. */
  setFlags(host: HostState, flags: number): void;
  emit(event: LbEvent): void;
  count(statistic: string): void;
}

/** What ejects; a degraded host stays in. */
type Cause = Exclude<EjectionType, "DEGRADED">;

const PERCENT: Readonly<Record<Cause, keyof OutlierConfig>> = {
  CONSECUTIVE_5XX: "enforcingConsecutive5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "enforcingConsecutiveGatewayFailure",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "enforcingConsecutiveLocalOriginFailure",
  SUCCESS_RATE: "enforcingSuccessRate",
  SUCCESS_RATE_LOCAL_ORIGIN: "enforcingLocalOriginSuccessRate",
  FAILURE_PERCENTAGE: "enforcingFailurePercentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "enforcingFailurePercentageLocalOrigin",
};

const STATISTIC: Readonly<Record<Cause, string>> = {
  CONSECUTIVE_5XX: "consecutive_5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "consecutive_gateway_failure",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "consecutive_local_origin_failure",
  SUCCESS_RATE: "success_rate",
  SUCCESS_RATE_LOCAL_ORIGIN: "local_origin_success_rate",
  FAILURE_PERCENTAGE: "failure_percentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "local_origin_failure_percentage",
};

/** Counters that are there from the beginning; the last three are deprecated in Envoy, and published there. */
const COUNTERS: readonly string[] = [
  ...Object.values(STATISTIC).flatMap((name) => [`ejections_detected_${name}`, `ejections_enforced_${name}`]),
  "ejections_detected_degradation",
  "ejections_enforced_total",
  "ejections_overflow",
  "ejections_total",
  "ejections_consecutive_5xx",
  "ejections_success_rate",
];

/** Figures a statistical ejection is logged with. */
type SweepFigures = Pick<
  EjectEvent,
  "hostSuccessRate" | "clusterAverageSuccessRate" | "clusterSuccessRateEjectionThreshold"
>;

/**
 * Takes hosts out of rotation for what they answer and lets them back in time. Consecutive failures act at once,
 * statistics and returns wait for {@link OutlierDetector.tick}.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export class OutlierDetector {
  /** Hosts that are out; equals the number of hosts with the flag at all times. */
  ejectionsActive = 0;
  /** When the next sweep is due. */
  nextTickAt: number;
  /** Mean success rate of the last sweep in percent; −1 if there was too little traffic. */
  successRateAverage = -1;
  /** Success rate below which the last sweep found outliers; −1 if there was too little traffic. */
  successRateThreshold = -1;
  private readonly cluster: OutlierHost;
  private readonly config: OutlierConfig;
  private readonly degradation: OutlierDegradation;

  constructor(config: OutlierConfig, cluster: OutlierHost) {
    this.config = config;
    this.cluster = cluster;
    this.degradation = new OutlierDegradation(config, cluster);
    this.nextTickAt = cluster.clock.now() + config.intervalMs;
  }

  /**
   * Counts an outcome and ejects the host if that was one failure too many.
   *
   * @param connected - Whether the request has reported before that its connection came up.
   * @param ejections - How many the host had had when the request began.
   */
  record(host: HostState, outcome: Outcome, connected: boolean, ejections: number): void {
    const state = stateOf(host);
    if (this.config.detectDegradedHosts) this.degradation.record(host, state, outcome);
    // A request from before the ejection says nothing about the host on trial.
    if (state.onProbation && ejections === state.numEjections) this.judgeProbation(host, state, outcome);
    const reached = recordOutcome(state, outcome, this.config, connected);
    if (reached === 0) return;
    if (reached & Reached.gatewayFailure) this.onConsecutive(host, state, "CONSECUTIVE_GATEWAY_FAILURE");
    if (reached & Reached.failure) this.onConsecutive(host, state, "CONSECUTIVE_5XX");
    if (reached & Reached.localOriginFailure) this.onConsecutive(host, state, "CONSECUTIVE_LOCAL_ORIGIN_FAILURE");
  }

  /** Does the sweep if it is due. */
  tick(now: number): void {
    // An instant that is no number is never due.
    if (!(now >= this.nextTickAt)) return;
    for (const host of this.cluster.hosts()) {
      const state = stateOf(host);
      if (this.config.mode === "envoy") this.unejectIfServed(host, state, now);
      this.degradation.clearIfServed(host, state, now);
      turnBucket(state.external);
      turnBucket(state.local);
    }
    this.sweepOrigin("external", now);
    if (this.config.splitExternalLocalOriginErrors) this.sweepOrigin("local", now);
    for (const host of this.cluster.hosts()) {
      this.decay(host, stateOf(host), now);
      this.degradation.decay(host, stateOf(host), now);
    }
    // Counted from the work that was done, not from when it was due: like the timer Envoy arms again.
    this.nextTickAt = now + this.config.intervalMs;
  }

  /** Writes gauges and counters under Envoy's names. */
  writeStats(into: Record<string, number>): void {
    for (const name of COUNTERS) into[`outlier_detection.${name}`] ??= 0;
    into["outlier_detection.ejections_active"] = this.ejectionsActive;
  }

  /** Lets a host back at once because an active check passed. */
  onHealthCheckPassed(host: HostState): void {
    if (!this.config.successfulActiveHealthCheckUnejectHost) return;
    if (isEjected(host) && !(host.flags & HostFlag.failedActiveHealthCheck)) {
      this.uneject(host, stateOf(host), this.cluster.clock.now());
    }
  }

  /** Frees what a removed host holds. */
  forget(host: HostState): void {
    if (isEjected(host)) this.ejectionsActive -= 1;
    host.outlier = undefined;
  }

  /** Closes or opens a host on trial as its permits are taken and given back. */
  onActiveRequests(host: HostState): void {
    const state = host.outlier;
    if (!state?.onProbation) return;
    const full = host.activeRequests >= (this.config.probation?.permits ?? 1);
    const flags = full ? host.flags | HostFlag.onProbation : host.flags & ~HostFlag.onProbation;
    if (flags !== host.flags) this.cluster.setFlags(host, flags);
  }

  /** Takes a host back into the state an earlier detector left it in. */
  restore(host: HostState, state: OutlierState, ejected: boolean): void {
    if (isEjected(host)) this.ejectionsActive -= 1;
    host.outlier = state;
    if (ejected) this.ejectionsActive += 1;
    // Whoever is out is on no trial: its failures would be charged twice.
    if (ejected) state.onProbation = false;
    const flags = ejected ? host.flags | HostFlag.failedOutlierCheck : host.flags & ~HostFlag.failedOutlierCheck;
    this.cluster.setFlags(host, this.degradation.restoredFlags(flags, state));
  }

  private onConsecutive(host: HostState, state: OutlierState, type: Cause): void {
    // gRFC A50 knows no consecutive failures. On an ejected host nothing is reset either, as in Envoy.
    if (this.config.mode === "grpc" || isEjected(host)) return;
    this.cluster.count(`outlier_detection.ejections_detected_${STATISTIC[type]}`);
    // Before anybody hears of it: an event's handler may report failures of its own.
    switch (type) {
      case "CONSECUTIVE_5XX":
        this.cluster.count("outlier_detection.ejections_consecutive_5xx");
        state.consecutive5xx = 0;
        break;
      case "CONSECUTIVE_GATEWAY_FAILURE":
        state.consecutiveGatewayFailure = 0;
        break;
      default:
        state.consecutiveLocalOriginFailure = 0;
    }
    this.tryEject(host, state, type, this.cluster.clock.now(), {});
  }

  private sweepOrigin(origin: "external" | "local", now: number): void {
    const candidates: { host: HostState; bucket: OutlierState["external"] }[] = [];
    for (const host of this.cluster.hosts()) {
      if (!isEjected(host)) candidates.push({ host, bucket: stateOf(host)[origin] });
    }
    const { findings, successRate } = sweep(candidates, this.cluster.hostCount(), this.config);
    if (origin === "external") {
      this.successRateAverage = successRate?.mean ?? -1;
      this.successRateThreshold = successRate?.threshold ?? -1;
    }
    const suffix = origin === "local" ? "_LOCAL_ORIGIN" : "";
    for (const { host, by, rate } of findings) {
      const type: Cause = by === "success-rate" ? `SUCCESS_RATE${suffix}` : `FAILURE_PERCENTAGE${suffix}`;
      this.cluster.count(`outlier_detection.ejections_detected_${STATISTIC[type]}`);
      if (by === "success-rate") this.cluster.count("outlier_detection.ejections_success_rate");
      // Both measures may have found the same host; Envoy and gRPC charge it twice, which doubles its time.
      // An event's handler may have removed it meanwhile.
      if (isEjected(host) || host.retired) continue;
      this.tryEject(host, stateOf(host), type, now, {
        hostSuccessRate: rate,
        ...(by === "success-rate" &&
          successRate && {
            clusterAverageSuccessRate: successRate.mean,
            clusterSuccessRateEjectionThreshold: successRate.threshold,
          }),
      });
    }
  }

  /** The cap counts all priorities, and in Envoy's mode the host in question too. */
  private hasRoom(): boolean {
    const { maxEjectionPercent, alwaysEjectOneHost, mode } = this.config;
    const total = this.cluster.hostCount();
    if (mode === "grpc") return (100 * this.ejectionsActive) / total < maxEjectionPercent;
    if (alwaysEjectOneHost && this.ejectionsActive === 0) return true;
    return (100 * (this.ejectionsActive + 1)) / total <= Math.min(100, maxEjectionPercent);
  }

  private tryEject(host: HostState, state: OutlierState, type: Cause, now: number, figures: SweepFigures): void {
    // The handler of an event a moment ago may have taken the host out of the cluster.
    if (host.retired) return;
    if (!this.hasRoom()) {
      this.cluster.count("outlier_detection.ejections_overflow");
      return;
    }
    if (type === "CONSECUTIVE_5XX" || type === "SUCCESS_RATE") this.cluster.count("outlier_detection.ejections_total");
    const percent = this.config[PERCENT[type]];
    const enforced = typeof percent === "number" && below(this.cluster.random, 100) < percent;
    const secsSinceLastAction = secondsSince(Math.max(state.ejectedAt, state.unejectedAt), now);
    if (enforced) this.eject(host, state, type, now);
    this.cluster.emit({
      action: "EJECT",
      at: now,
      cluster: this.cluster.name,
      host: host.address,
      type,
      enforced,
      numEjections: state.numEjections,
      secsSinceLastAction,
      ...figures,
    });
  }

  private eject(host: HostState, state: OutlierState, type: Cause, now: number): void {
    const { baseEjectionTimeMs: base, maxEjectionTimeMs: max, maxEjectionTimeJitterMs: jitter } = this.config;
    this.ejectionsActive += 1;
    state.numEjections += 1;
    state.ejectedAt = now;
    state.onProbation = false;
    if (this.config.mode === "grpc" || state.backoff * base < max + base) state.backoff += 1;
    state.jitterMs = jitter > 0 ? below(this.cluster.random, jitter + 1) : 0;
    this.cluster.count("outlier_detection.ejections_enforced_total");
    this.cluster.count(`outlier_detection.ejections_enforced_${STATISTIC[type]}`);
    this.cluster.setFlags(host, (host.flags | HostFlag.failedOutlierCheck) & ~HostFlag.onProbation);
  }

  private unejectIfServed(host: HostState, state: OutlierState, now: number): void {
    if (!isEjected(host)) return;
    const { baseEjectionTimeMs: base, maxEjectionTimeMs: max, mode } = this.config;
    const served = now - state.ejectedAt;
    const due =
      mode === "grpc"
        ? served > Math.min(base * state.backoff, Math.max(base, max))
        : served >= Math.min(base * state.backoff, max) + state.jitterMs;
    if (due) this.uneject(host, state, now);
  }

  private uneject(host: HostState, state: OutlierState, now: number): void {
    this.ejectionsActive -= 1;
    state.consecutive5xx = 0;
    state.consecutiveGatewayFailure = 0;
    state.consecutiveLocalOriginFailure = 0;
    state.unejectedAt = now;
    state.onProbation = this.config.probation !== undefined;
    state.probationSuccesses = 0;
    this.cluster.setFlags(host, host.flags & ~HostFlag.failedOutlierCheck);
    this.onActiveRequests(host);
    this.cluster.emit({
      action: "UNEJECT",
      at: now,
      cluster: this.cluster.name,
      host: host.address,
      numEjections: state.numEjections,
      secsSinceLastAction: secondsSince(state.ejectedAt, now),
    });
  }

  /** One step of the back-off is forgotten for each sweep that a host stays in. */
  private decay(host: HostState, state: OutlierState, now: number): void {
    if (this.config.mode === "grpc") {
      if (isEjected(host)) this.unejectIfServed(host, state, now);
      else state.backoff = Math.max(0, state.backoff - 1);
      return;
    }
    if (isEjected(host) || state.backoff === 0) return;
    if (now - state.unejectedAt >= this.config.intervalMs) state.backoff -= 1;
  }

  private judgeProbation(host: HostState, state: OutlierState, outcome: Outcome): void {
    const { probation } = this.config;
    if (probation === undefined || outcome.result === "aborted" || outcome.result === "connected") return;
    const failed = outcome.status === undefined ? isFailure(outcome) : isServerError(outcome.status);
    if (failed) {
      const local = outcome.result === "timeout" || outcome.result === "connect-failed";
      const split = this.config.splitExternalLocalOriginErrors && local;
      const type: Cause = split ? "CONSECUTIVE_LOCAL_ORIGIN_FAILURE" : "CONSECUTIVE_5XX";
      // The cap may keep it in: then it begins anew to show successes in a row.
      state.probationSuccesses = 0;
      this.cluster.count(`outlier_detection.ejections_detected_${STATISTIC[type]}`);
      this.tryEject(host, state, type, this.cluster.clock.now(), {});
      return;
    }
    state.probationSuccesses += 1;
    if (state.probationSuccesses < (probation.successes ?? 1)) return;
    state.onProbation = false;
    if (probation.slowStart ?? true) host.slowStartFrom = this.cluster.clock.now();
    this.cluster.setFlags(host, host.flags & ~HostFlag.onProbation);
  }
}

function isEjected(host: HostState): boolean {
  return (host.flags & HostFlag.failedOutlierCheck) !== 0;
}

function stateOf(host: HostState): OutlierState {
  host.outlier ??= createOutlierState();
  return host.outlier;
}

function isFailure(outcome: Outcome): boolean {
  return outcome.result === "timeout" || outcome.result === "connect-failed" || outcome.result === "request-failed";
}
