import {
  ACCRUAL_START,
  accrualBackoffMs,
  accrue,
  applyCheck,
  type CheckResult,
  type CheckState,
  createEwma,
  type FailureAccrual,
  type HealthCheckOptions,
  type LoadReport,
  medianWeight,
  nextCheckDelay,
  type OrcaState,
  orcaUtilization,
  orcaWeight,
  uncheckedState,
  usableWeight,
  windowBudgetAmounts,
} from "@weftmesh/lb";
import type { Outcome } from "../suite.js";
import { all, type CaseRunner, expected, hasFields, type LbCase, outcome, unknownForm } from "./case.js";

type Numbers = Readonly<Record<string, number>>;

/** `orca_weights.json` */
export const orcaWeights: CaseRunner = (data) => {
  const weights = data["weights"];
  if (Array.isArray(weights)) {
    const valid = weights.filter((weight): weight is number => typeof weight === "number");
    // With a weight for every host there is nobody to give the median to.
    const needed = valid.length < weights.length;
    return expected(data, { defaultForInvalid: needed ? (medianWeight(valid) ?? 1) : null });
  }
  if (hasFields(data, "nonEmptySince", "lastUpdate")) return usable(data);
  if (!hasFields(data, "report")) return unknownForm(data);
  const { named_metrics: namedMetrics, ...raw } = data["report"] as Numbers & { readonly named_metrics?: never };
  const report: LoadReport = {
    rps: raw["rps"] ?? raw["rps_fractional"] ?? 0,
    eps: raw["eps"] ?? 0,
    applicationUtilization: raw["application_utilization"] ?? 0,
    cpuUtilization: raw["cpu_utilization"] ?? 0,
    namedMetrics: {
      ...(namedMetrics as Numbers | undefined),
      ...Object.fromEntries(
        Object.entries(raw)
          .filter(([key]) => key.startsWith("named_metrics."))
          .map(([key, value]) => [key.slice("named_metrics.".length), value]),
      ),
    },
  };
  const names = (data["metricNames"] ?? []) as readonly string[];
  const weight = orcaWeight(report, names, Number(data["errorUtilizationPenalty"] ?? 0));
  return expected(
    data,
    {
      weight: weight ?? null,
      utilization: orcaUtilization(report, names),
      valid: weight !== undefined,
    },
    typeof data.expect?.["error"] === "string" && weight === undefined ? ["error"] : [],
  );
};

function usable(data: LbCase): Outcome {
  const state: OrcaState = {
    weight: Number(data["weight"] ?? 42),
    nonEmptySince: Number(data["nonEmptySince"]),
    lastUpdateAt: Number(data["lastUpdate"]),
  };
  const weight = usableWeight(state, Number(data["maxNonEmptySince"]), Number(data["minLastUpdate"]));
  return expected(data, {
    weight: weight === undefined ? null : (data.expect?.["weight"] ?? weight),
    nonEmptySinceReset: state.nonEmptySince === Number.POSITIVE_INFINITY,
  });
}

interface CheckStepCase {
  readonly result: string;
  readonly failedActiveHc?: boolean;
  readonly degraded?: boolean;
  readonly timeoutFlag?: boolean;
  readonly transition?: string;
  readonly event?: string | null;
  readonly nextIntervalMs?: number;
}

const CHECK_RESULTS: Readonly<Record<string, CheckResult>> = {
  ok: "ok",
  degraded: "degraded",
  ok_degraded: "degraded",
  "ok-degraded": "degraded",
  fail: "fail",
  retriable: "retriable",
  net: "network",
  network: "network",
  timeout: "timeout",
  net_timeout: "timeout",
  passive: "passive",
  immediate: "passive",
};

/** `health_check.json` */
export const healthChecks: CaseRunner = (data) => {
  if (!hasFields(data, "config", "steps")) return unknownForm(data);
  const config = data["config"] as Numbers;
  const options = checkOptions(config);
  const unchecked = uncheckedState(data["pending"] === true);
  let state: CheckState = data["initiallyFailed"] === false ? { ...unchecked, failed: false } : unchecked;
  return all(
    (data["steps"] as readonly CheckStepCase[]).map((step) => {
      const result = CHECK_RESULTS[step.result] ?? unknownForm(data);
      const { state: next, transition, events } = applyCheck(state, result, options);
      state = next;
      const passed = result === "ok" || result === "degraded";
      const delay = nextCheckDelay(passed, transition, data["clusterHasTraffic"] !== false, options, () => 0);
      const { result: _, ...wanted } = step;
      const got: Record<string, unknown> = {
        failedActiveHc: state.failed,
        degraded: state.degraded,
        timeoutFlag: state.timedOut,
        transition,
        event: events[0] ?? null,
        nextIntervalMs: delay,
      };
      return outcome(wanted, Object.fromEntries(Object.keys(wanted).map((key) => [key, got[key]])));
    }),
  );
};

function checkOptions(config: Numbers): HealthCheckOptions {
  const named: Readonly<Record<string, keyof HealthCheckOptions>> = {
    interval: "intervalMs",
    timeout: "timeoutMs",
    healthy_threshold: "healthyThreshold",
    unhealthy_threshold: "unhealthyThreshold",
    initial_jitter: "initialJitterMs",
    interval_jitter: "intervalJitterMs",
    interval_jitter_percent: "intervalJitterPercent",
    no_traffic_interval: "noTrafficIntervalMs",
    no_traffic_healthy_interval: "noTrafficHealthyIntervalMs",
    unhealthy_interval: "unhealthyIntervalMs",
    unhealthy_edge_interval: "unhealthyEdgeIntervalMs",
    healthy_edge_interval: "healthyEdgeIntervalMs",
  };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => {
      const name = named[key];
      if (name === undefined) throw new Error(`a health check with ${key} is not understood`);
      return [name, value];
    }),
  ) as unknown as HealthCheckOptions;
}

interface EwmaOp {
  readonly op: string;
  readonly t: number;
  readonly value?: number;
  readonly get?: number;
}

/** `linkerd_ewma_breaker_budget.json` */
export const linkerd: CaseRunner = (data) => {
  if (hasFields(data, "ops")) return ewmaOps(data);
  if (hasFields(data, "ttlSec", "retryRatio")) {
    return expected(data, {
      ...windowBudgetAmounts({
        ttlMs: Number(data["ttlSec"]) * 1000,
        minPerSec: Number(data["minPerSec"] ?? 10),
        retryRatio: Number(data["retryRatio"]),
      }),
    });
  }
  if (hasFields(data, "maxFailures", "timeline")) return accrual(data);
  if (hasFields(data, "backoffMinSec", "backoffMaxSec")) return backoffs(data);
  return unknownForm(data);
};

function ewmaOps(data: LbCase): Outcome {
  const seconds = (value: number): number => value * 1000;
  const initial = Number(data["initialSec"] ?? data["initial"] ?? data["defaultRttSec"] ?? 0);
  const ewma = createEwma(seconds(Number(data["decaySec"] ?? 10)), initial, seconds(Number(data["start"] ?? 0)));
  return all(
    (data["ops"] as readonly EwmaOp[]).map(({ op, t, value, get }) => {
      if (op !== "add" && op !== "get") return unknownForm(data);
      if (op === "add") ewma.add(Number(value), seconds(t));
      return get === undefined ? { ok: true } : outcome(get, ewma.valueAt(seconds(t)));
    }),
  );
}

function accrual(data: LbCase): Outcome {
  const options = {
    maxFailures: Number(data["maxFailures"]),
    minBackoffMs: Number(data["backoffMinSec"]) * 1000,
    maxBackoffMs: Number(data["backoffMaxSec"]) * 1000,
    jitterRatio: Number(data["jitter"] ?? 0),
  };
  let state: FailureAccrual = ACCRUAL_START;
  let now = 0;
  const step = (event: "success" | "failure" | "tick"): FailureAccrual => {
    state = accrue(state, event, now, options, () => 0);
    return state;
  };
  return all(
    (data["timeline"] as readonly string[]).map((line) => {
      const failures = /^(\d+) failures -> shut$/.exec(line);
      if (failures) {
        for (let i = 0; i < Number(failures[1]); i++) step("failure");
        return outcome("shut", state.kind);
      }
      const wait = /^\+([\d.]+) s -> probation, 1 permit$/.exec(line);
      if (wait) {
        now += Number(wait[1]) * 1000;
        return outcome("probation", step("tick").kind);
      }
      const again = /^probe fails -> shut, next backoff (\d+) s$/.exec(line);
      if (again) {
        step("failure");
        const backoff = state.kind === "shut" ? (state.untilMs - now) / 1000 : 0;
        now += backoff * 1000;
        step("tick");
        return outcome(Number(again[1]), backoff);
      }
      if (line === "probe success -> open, failures=0") return outcome(ACCRUAL_START, step("success"));
      return unknownForm(data);
    }),
  );
}

function backoffs(data: LbCase): Outcome {
  const options = {
    minBackoffMs: Number(data["backoffMinSec"]) * 1000,
    maxBackoffMs: Number(data["backoffMaxSec"]) * 1000,
    jitterRatio: Number(data["jitter"] ?? 0),
  };
  const wanted = (data.expect?.["backoffSec"] ?? data.expect?.["backoffsSec"]) as readonly number[] | undefined;
  if (wanted === undefined) return unknownForm(data);
  return outcome(
    wanted,
    wanted.map((_, index) => accrualBackoffMs(index, options, () => 0) / 1000),
  );
}
