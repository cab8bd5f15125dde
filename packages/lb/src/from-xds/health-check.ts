import type { HealthCheck } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { HealthCheckOptions } from "../health-check.js";
import { definedOnly, type IssueList, snakeCase } from "./issues.js";

/** Reads timing and thresholds of the health check; what is checked, and how, is the checker's. */
export function readHealthCheck(
  checks: readonly HealthCheck[],
  path: string,
  issues: IssueList,
): HealthCheckOptions | undefined {
  const [check] = checks;
  if (check === undefined) return undefined;
  if (checks.length > 1) issues.add(path, `takes one health check at most, got ${checks.length}`);
  const duration = (field: string, value: HealthCheck["interval"]): number | undefined =>
    issues.durationMs(`${path}[0].${field}`, value);
  for (const field of ["timeout", "interval", "healthyThreshold", "unhealthyThreshold"] as const) {
    if (check[field] === undefined) issues.add(`${path}[0].${snakeCase(field)}`, "is required");
  }
  for (const [index, { start = 0n, end = 0n }] of (check.httpHealthCheck?.expectedStatuses ?? []).entries()) {
    const range = `${path}[0].http_health_check.expected_statuses[${index}]`;
    if (start >= end) issues.add(range, `must start below its end, got ${start} and ${end}`);
    if (start < 100n || end > 600n) issues.add(range, `must lie within 100 and 600, got ${start} and ${end}`);
  }
  return {
    timeoutMs: duration("timeout", check.timeout) ?? 1,
    intervalMs: duration("interval", check.interval) ?? 1,
    healthyThreshold: check.healthyThreshold ?? 1,
    unhealthyThreshold: check.unhealthyThreshold ?? 1,
    ...definedOnly<Partial<HealthCheckOptions>>({
      initialJitterMs: duration("initial_jitter", check.initialJitter),
      intervalJitterMs: duration("interval_jitter", check.intervalJitter),
      intervalJitterPercent: check.intervalJitterPercent,
      noTrafficIntervalMs: duration("no_traffic_interval", check.noTrafficInterval),
      noTrafficHealthyIntervalMs: duration("no_traffic_healthy_interval", check.noTrafficHealthyInterval),
      unhealthyIntervalMs: duration("unhealthy_interval", check.unhealthyInterval),
      unhealthyEdgeIntervalMs: duration("unhealthy_edge_interval", check.unhealthyEdgeInterval),
      healthyEdgeIntervalMs: duration("healthy_edge_interval", check.healthyEdgeInterval),
    }),
  };
}
