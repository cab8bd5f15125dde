import type { CircuitBreakerOptions } from "./circuit-breaker-options.js";
import type { ClusterOptions } from "./cluster-options.js";
import type { Issue } from "./errors.js";
import type { HealthCheckOptions } from "./health-check.js";
import { isRecord, shown } from "./option-shape.js";
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
    this.report(path, `must be an integer from ${min} to ${max}, got ${shown(value)}`);
  }

  /** A number in a range, if there is a value at all. */
  number(path: string, value: number | undefined, min: number, max: number): void {
    if (value === undefined || (typeof value === "number" && value >= min && value <= max)) return;
    this.report(path, `must be a number from ${min} to ${max}, got ${shown(value)}`);
  }

  /** A length of time above zero, if there is a value at all. */
  positive(path: string, value: number | undefined): void {
    if (value === undefined || (Number.isFinite(value) && value > 0)) return;
    this.report(path, `must be above 0, got ${shown(value)}`);
  }

  /** A value of one of JavaScript's types, if there is one at all. */
  type(path: string, value: unknown, type: "string" | "boolean" | "function"): void {
    if (value === undefined || typeof value === type) return;
    this.report(path, `must be a ${type}, got ${shown(value)}`);
  }

  /** One of some texts, if there is a value at all. */
  oneOf(path: string, value: unknown, known: readonly string[]): void {
    if (value === undefined || known.includes(value as string)) return;
    this.report(path, `must be one of ${known.join(", ")}, got ${shown(value)}`);
  }

  /** A mapping to look into, if there is one. */
  record<T extends object>(path: string, value: T | undefined): T | undefined {
    if (value === undefined || isRecord(value)) return value;
    this.report(path, `must be a mapping, got ${shown(value)}`);
    return undefined;
  }

  /** The mappings of a list, with their paths. */
  *records<T extends object>(path: string, list: readonly T[] | undefined): Iterable<[string, T]> {
    if (list !== undefined && !Array.isArray(list)) this.report(path, `must be a list, got ${shown(list)}`);
    else {
      for (const [index, each] of (list ?? []).entries()) {
        const record = this.record(`${path}[${index}]`, each ?? null);
        if (record !== undefined) yield [`${path}[${index}]`, record];
      }
    }
  }
}

/** Everything that is wrong with the options of a cluster; of its hosts only whether they are hosts at all. */
export function checkOptions(given: ClusterOptions): readonly Issue[] {
  const checker = new Checker();
  const options = checker.record("cluster", given ?? null);
  if (options === undefined) return checker.issues;
  checker.type("name", options.name, "string");
  checker.number("common_lb_config.healthy_panic_threshold", options.healthyPanicThreshold, 0, 100);
  checker.positive("load_assignment.policy.overprovisioning_factor", options.overprovisioningFactor);
  checker.type("load_assignment.policy.weighted_priority_health", options.weightedPriorityHealth, "boolean");
  checker.number("common_lb_config.update_merge_window", options.updateMergeWindowMs, 0, Number.MAX_SAFE_INTEGER);
  const firstCheck = "common_lb_config.ignore_new_hosts_until_first_hc";
  checker.type(firstCheck, options.ignoreNewHostsUntilFirstCheck, "boolean");
  checker.type("ignore_health_on_host_removal", options.ignoreHealthOnHostRemoval, "boolean");
  if (!Array.isArray(options.endpoints ?? [])) {
    checker.report("load_assignment.endpoints", `must be a list, got ${shown(options.endpoints)}`);
  }
  checker.type("onEvent", options.onEvent, "function");
  const drops = "load_assignment.policy.drop_overloads";
  for (const [path, { category, percent }] of checker.records(drops, options.dropOverloads)) {
    checker.type(`${path}.category`, category, "string");
    checker.number(`${path}.drop_percentage`, percent, 0, 100);
  }
  for (const [path, limits] of checker.records("circuit_breakers.thresholds", options.circuitBreakers)) {
    checkLimits(checker, path, limits);
  }
  const healthCheck = checker.record("health_checks[0]", options.healthCheck);
  if (healthCheck) checkHealthCheck(checker, healthCheck);
  const outlierDetection = checker.record("outlier_detection", options.outlierDetection);
  if (outlierDetection) checkOutlier(checker, outlierDetection);
  const policy = checker.record("load_balancing_policy", options.policy);
  if (policy) checker.type("load_balancing_policy.balancer", policy.balancer ?? null, "function");
  const local = checker.record("local", options.local);
  if (local) checker.record("local.locality", local.locality ?? null);
  return checker.issues;
}

function checkLimits(checker: Checker, path: string, limits: CircuitBreakerOptions): void {
  checker.oneOf(`${path}.priority`, limits.priority, ["DEFAULT", "HIGH"]);
  checker.type(`${path}.track_remaining`, limits.trackRemaining, "boolean");
  checker.integer(`${path}.max_connections`, limits.maxConnections, 0);
  checker.integer(`${path}.max_pending_requests`, limits.maxPendingRequests, 0);
  checker.integer(`${path}.max_requests`, limits.maxRequests, 0);
  checker.integer(`${path}.max_retries`, limits.maxRetries, 0);
  checker.integer(`${path}.max_connection_pools`, limits.maxConnectionPools, 0);
  checker.integer(`${path}.max_connections_per_host`, limits.maxConnectionsPerHost, 0);
  const budget = checker.record(`${path}.retry_budget`, limits.retryBudget);
  checker.oneOf(`${path}.retry_budget.kind`, budget?.kind, ["concurrency", "window"]);
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
  const required = {
    timeout: options.timeoutMs,
    interval: options.intervalMs,
    healthy_threshold: options.healthyThreshold,
    unhealthy_threshold: options.unhealthyThreshold,
  };
  for (const [field, value] of Object.entries(required)) {
    if (value === undefined) checker.report(`${path}.${field}`, "is required");
  }
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

const SWITCHES = {
  splitExternalLocalOriginErrors: "split_external_local_origin_errors",
  alwaysEjectOneHost: "always_eject_one_host",
  successfulActiveHealthCheckUnejectHost: "successful_active_health_check_uneject_host",
  detectDegradedHosts: "detect_degraded_hosts",
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
  for (const [key, name] of entries(SWITCHES)) checker.type(`outlier_detection.${name}`, options[key], "boolean");
  checker.oneOf("outlier_detection.mode", options.mode, ["envoy", "grpc"]);
  const probation = checker.record("outlier_detection.probation", options.probation);
  checker.integer("outlier_detection.probation.permits", probation?.permits, 1);
  checker.integer("outlier_detection.probation.successes", probation?.successes, 1);
  checker.type("outlier_detection.probation.slow_start", probation?.slowStart, "boolean");
}

function entries<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(record) as [K, V][];
}
