import type { CircuitBreakers, OutlierDetection } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { CircuitBreakerOptions } from "../circuit-breaker-options.js";
import type { OutlierDetectionOptions } from "../outlier-options.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** Reads circuit breakers; an entry for a routing priority this version does not know is left out. */
export function readCircuitBreakers(breakers: CircuitBreakers): CircuitBreakerOptions[] {
  return (breakers.thresholds ?? []).map((entry) => {
    const budget = entry.retryBudget && {
      ...(entry.retryBudget.budgetPercent && { budgetPercent: entry.retryBudget.budgetPercent.value ?? 0 }),
      ...definedOnly<{ minRetryConcurrency?: number }>({ minRetryConcurrency: entry.retryBudget.minRetryConcurrency }),
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
