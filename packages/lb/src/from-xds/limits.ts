import type { CircuitBreakers, OutlierDetection } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { CircuitBreakerOptions, ConcurrencyRetryBudget } from "../circuit-breaker-options.js";
import type { OutlierDetectionOptions } from "../outlier-options.js";
import { definedOnly, enumName, type IssueList, snakeCase } from "./issues.js";

/** Reads circuit breakers; an entry for a routing priority this version does not know is left out. */
export function readCircuitBreakers(breakers: CircuitBreakers, issues: IssueList): CircuitBreakerOptions[] {
  const limits = (breakers.thresholds ?? []).map((entry, index): CircuitBreakerOptions => {
    const interval = `circuit_breakers.thresholds[${index}].retry_budget.budget_interval`;
    const budget = entry.retryBudget && {
      ...(entry.retryBudget.budgetPercent && { budgetPercent: entry.retryBudget.budgetPercent.value ?? 0 }),
      ...definedOnly<ConcurrencyRetryBudget>({
        budgetIntervalMs: issues.durationMs(interval, entry.retryBudget.budgetInterval),
        minRetryConcurrency: entry.retryBudget.minRetryConcurrency,
      }),
    };
    return definedOnly<CircuitBreakerOptions>({
      priority: enumName(entry.priority),
      maxConnections: entry.maxConnections,
      maxPendingRequests: entry.maxPendingRequests,
      maxRequests: entry.maxRequests,
      maxRetries: entry.maxRetries,
      maxConnectionPools: entry.maxConnectionPools,
      retryBudget: budget,
      trackRemaining: entry.trackRemaining,
    });
  });
  return withHostLimits(limits, breakers.perHostThresholds ?? [], issues);
}

/** Limits by host know connections only; of two entries for a priority the first wins, as everywhere here. */
function withHostLimits(
  limits: readonly CircuitBreakerOptions[],
  entries: NonNullable<CircuitBreakers["perHostThresholds"]>,
  issues: IssueList,
): CircuitBreakerOptions[] {
  const merged = [...limits];
  for (const [index, { priority, maxConnections, trackRemaining: _, ...others }] of entries.entries()) {
    for (const field of Object.keys(others)) {
      issues.add(`circuit_breakers.per_host_thresholds[${index}].${snakeCase(field)}`, "has no limit by host");
    }
    if (maxConnections === undefined) continue;
    const wanted = enumName(priority) ?? "DEFAULT";
    const at = merged.findIndex((each) => (each.priority ?? "DEFAULT") === wanted);
    const present = merged[at] ?? { priority: wanted };
    const limited = { maxConnectionsPerHost: maxConnections, ...present };
    if (at < 0) merged.push(limited);
    else merged[at] = limited;
  }
  return merged;
}

/** Reads outlier detection. */
export function readOutlierDetection(
  message: OutlierDetection,
  path: string,
  issues: IssueList,
): OutlierDetectionOptions {
  const { interval, baseEjectionTime, maxEjectionTime, maxEjectionTimeJitter, monitors, ...plain } = message;
  if (monitors !== undefined && monitors.length > 0) {
    issues.add(`${path}.monitors`, "custom monitors are not supported");
  }
  return definedOnly<OutlierDetectionOptions>({
    ...plain,
    intervalMs: issues.durationMs(`${path}.interval`, interval),
    baseEjectionTimeMs: issues.durationMs(`${path}.base_ejection_time`, baseEjectionTime),
    maxEjectionTimeMs: issues.durationMs(`${path}.max_ejection_time`, maxEjectionTime),
    maxEjectionTimeJitterMs: issues.durationMs(`${path}.max_ejection_time_jitter`, maxEjectionTimeJitter),
  });
}
