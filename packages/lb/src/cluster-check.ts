import type { CircuitBreakerOptions } from "./circuit-breaker-options.js";
import type { ClusterOptions } from "./cluster-options.js";
import type { Issue } from "./errors.js";
import type { HealthCheckOptions } from "./health-check.js";
import type { OutlierDetectionOptions } from "./outlier-options.js";

const UINT32_MAX = 0xffffffff;

/** Collects issues under proto paths. */
class Checker {
  readonly issues: Issue[] = [];

  report(path: string, message: string): void {
    this.issues.push({ code: "ERR_LB_CONFIG_INVALID", path, message });
  }

  /** An integer in a range, if there is a value at all. */
  integer(path: string, value: number | undefined, min: number, max: number = UINT32_MAX): void {
    if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return;
    this.report(path, `must be an integer from ${min} to ${max}, got ${value}`);
  }

  /** A number in a range, if there is a value at all. */
  number(path: string, value: number | undefined, min: number, max: number): void {
    if (value === undefined || (value >= min && value <= max)) return;
    this.report(path, `must be a number from ${min} to ${max}, got ${value}`);
  }

  /** A length of time above zero, if there is a value at all. */
  positive(path: string, value: number | undefined): void {
    if (value === undefined || (value > 0 && Number.isFinite(value))) return;
    this.report(path, `must be above 0, got ${value}`);
  }
}

/** Everything that is wrong with the options of a cluster, hosts and policy excepted. */
export function checkOptions(options: ClusterOptions): readonly Issue[] {
  const checker = new Checker();
  checker.number("common_lb_config.healthy_panic_threshold", options.healthyPanicThreshold, 0, 100);
  checker.positive("load_assignment.policy.overprovisioning_factor", options.overprovisioningFactor);
  checker.number("common_lb_config.update_merge_window", options.updateMergeWindowMs, 0, Number.MAX_SAFE_INTEGER);
  for (const [index, drop] of (options.dropOverloads ?? []).entries()) {
    checker.number(`load_assignment.policy.drop_overloads[${index}].drop_percentage`, drop.percent, 0, 100);
  }
  for (const [index, limits] of (options.circuitBreakers ?? []).entries()) {
    checkLimits(checker, `circuit_breakers.thresholds[${index}]`, limits);
  }
  if (options.healthCheck) checkHealthCheck(checker, options.healthCheck);
  if (options.outlierDetection) checkOutlier(checker, options.outlierDetection);
  return checker.issues;
}

function checkLimits(checker: Checker, path: string, limits: CircuitBreakerOptions): void {
  checker.integer(`${path}.max_connections`, limits.maxConnections, 0);
  checker.integer(`${path}.max_pending_requests`, limits.maxPendingRequests, 0);
  checker.integer(`${path}.max_requests`, limits.maxRequests, 0);
  checker.integer(`${path}.max_retries`, limits.maxRetries, 0);
  checker.integer(`${path}.max_connection_pools`, limits.maxConnectionPools, 0);
  checker.integer(`${path}.max_connections_per_host`, limits.maxConnectionsPerHost, 0);
  const budget = limits.retryBudget;
  if (budget?.kind === "window") {
    checker.number(`${path}.retry_budget.ttl`, budget.ttlMs, 1000, 60_000);
    checker.integer(`${path}.retry_budget.min_per_sec`, budget.minPerSec, 0);
    checker.number(`${path}.retry_budget.retry_ratio`, budget.retryRatio, 0, 1000);
  } else if (budget !== undefined) {
    checker.number(`${path}.retry_budget.budget_percent`, budget.budgetPercent, 0, 100);
    checker.number(`${path}.retry_budget.budget_interval`, budget.budgetIntervalMs, 0, Number.MAX_SAFE_INTEGER);
    checker.integer(`${path}.retry_budget.min_retry_concurrency`, budget.minRetryConcurrency, 0);
  }
}

function checkHealthCheck(checker: Checker, options: HealthCheckOptions): void {
  const path = "health_checks[0]";
  checker.positive(`${path}.timeout`, options.timeoutMs);
  checker.positive(`${path}.interval`, options.intervalMs);
  checker.integer(`${path}.healthy_threshold`, options.healthyThreshold, 0);
  checker.integer(`${path}.unhealthy_threshold`, options.unhealthyThreshold, 0);
  checker.number(`${path}.initial_jitter`, options.initialJitterMs, 0, UINT32_MAX);
  checker.number(`${path}.interval_jitter`, options.intervalJitterMs, 0, UINT32_MAX);
  checker.number(`${path}.interval_jitter_percent`, options.intervalJitterPercent, 0, UINT32_MAX);
  checker.positive(`${path}.no_traffic_interval`, options.noTrafficIntervalMs);
  checker.positive(`${path}.no_traffic_healthy_interval`, options.noTrafficHealthyIntervalMs);
  checker.positive(`${path}.unhealthy_interval`, options.unhealthyIntervalMs);
  checker.positive(`${path}.unhealthy_edge_interval`, options.unhealthyEdgeIntervalMs);
  checker.positive(`${path}.healthy_edge_interval`, options.healthyEdgeIntervalMs);
}

const PERCENTAGES = {
  enforcingConsecutive5xx: "enforcing_consecutive_5xx",
  enforcingConsecutiveGatewayFailure: "enforcing_consecutive_gateway_failure",
  enforcingConsecutiveLocalOriginFailure: "enforcing_consecutive_local_origin_failure",
  enforcingSuccessRate: "enforcing_success_rate",
  enforcingLocalOriginSuccessRate: "enforcing_local_origin_success_rate",
  enforcingFailurePercentage: "enforcing_failure_percentage",
  enforcingFailurePercentageLocalOrigin: "enforcing_failure_percentage_local_origin",
  failurePercentageThreshold: "failure_percentage_threshold",
  maxEjectionPercent: "max_ejection_percent",
} as const;

const COUNTS = {
  consecutive5xx: "consecutive_5xx",
  consecutiveGatewayFailure: "consecutive_gateway_failure",
  consecutiveLocalOriginFailure: "consecutive_local_origin_failure",
  successRateMinimumHosts: "success_rate_minimum_hosts",
  successRateRequestVolume: "success_rate_request_volume",
  successRateStdevFactor: "success_rate_stdev_factor",
  failurePercentageMinimumHosts: "failure_percentage_minimum_hosts",
  failurePercentageRequestVolume: "failure_percentage_request_volume",
} as const;

function checkOutlier(checker: Checker, options: OutlierDetectionOptions): void {
  for (const [key, name] of entries(PERCENTAGES)) checker.integer(`outlier_detection.${name}`, options[key], 0, 100);
  for (const [key, name] of entries(COUNTS)) checker.integer(`outlier_detection.${name}`, options[key], 0);
  checker.positive("outlier_detection.interval", options.intervalMs);
  checker.positive("outlier_detection.base_ejection_time", options.baseEjectionTimeMs);
  checker.positive("outlier_detection.max_ejection_time", options.maxEjectionTimeMs);
  checker.number("outlier_detection.max_ejection_time_jitter", options.maxEjectionTimeJitterMs, 0, UINT32_MAX);
  const base = options.baseEjectionTimeMs ?? 30_000;
  if (options.maxEjectionTimeMs !== undefined && options.maxEjectionTimeMs < base) {
    checker.report(
      "outlier_detection.max_ejection_time",
      `max_ejection_time cannot be smaller than base_ejection_time, got ${options.maxEjectionTimeMs} ms and ${base} ms`,
    );
  }
  checker.integer("outlier_detection.probation.permits", options.probation?.permits, 1);
  checker.integer("outlier_detection.probation.successes", options.probation?.successes, 1);
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
