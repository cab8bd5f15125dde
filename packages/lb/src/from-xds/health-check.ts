import type { HealthCheck } from "@weftmesh/xds-types/envoy/config/core/v3";
import type { HealthCheckOptions } from "../health-check.js";
import { readChecker } from "./checker.js";
import { definedOnly, IssueList, snakeCase } from "./issues.js";

/** Reads timing and thresholds of the health check; `checkerFromXds` reads how to check. */
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
  // What only the checkers of this package cannot do is no reason to refuse the cluster: it may get another one.
  readChecker(check, { cluster: "", path: `${path}[0]`, issues, unsupported: new IssueList() });
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
      alwaysLogFailures: check.alwaysLogHealthCheckFailures,
      alwaysLogSuccess: check.alwaysLogHealthCheckSuccess,
    }),
  };
}
