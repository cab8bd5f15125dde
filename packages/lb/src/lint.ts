import { effectiveLimits } from "./circuit-breaker.js";
import type { ClusterOptions } from "./cluster-options.js";
import type { EndpointGroup } from "./host.js";
import type { LintFacts, LintFinding } from "./lint/finding.js";
import { lintOutliers } from "./lint/outliers.js";
import { lintPolicy } from "./lint/policy.js";
import { retryBudgetLimit } from "./retry-budget.js";

export type { LintFacts, LintFinding, LintRule } from "./lint/finding.js";

/**
 * Consequences of a configuration that its author may not expect, in numbers. Everything here is valid; nothing of it
 * is refused.
 */
export function lint(options: ClusterOptions, facts: LintFacts = {}): readonly LintFinding[] {
  const groups = groupsOf(options);
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  return [
    ...lintOutliers(options, hosts),
    ...lintPolicy(options, groups, facts),
    ...lintRetries(options, facts),
    ...lintPanic(options),
  ];
}

function lintRetries(options: ClusterOptions, facts: LintFacts): LintFinding[] {
  const rate = facts.requestsPerSecond;
  if (rate === undefined) return [];
  const latencyMs = facts.latencyMs ?? 100;
  const inFlight = Math.round((rate * latencyMs) / 1000);
  const { retryBudget, maxRetries, maxRequests } = effectiveLimits(options.circuitBreakers ?? [], "DEFAULT");
  const findings: LintFinding[] = [];
  const load = `${rate} requests/s of ${latencyMs} ms are about ${inFlight} in flight`;
  if (retryBudget === undefined) {
    findings.push({
      rule: "retry-limit",
      path: "circuit_breakers.thresholds[0].max_retries",
      message: `${load}; at most ${maxRetries} of them may be retries at a time, ${percentOf(maxRetries, inFlight)}`,
    });
  } else if (retryBudget.kind !== "window") {
    const limit = retryBudgetLimit(inFlight, 0, retryBudget);
    findings.push({
      rule: "retry-budget",
      path: "circuit_breakers.thresholds[0].retry_budget",
      message: `${load}; the budget then means ${limit} retries at a time, and with nothing else in flight ${retryBudgetLimit(0, 0, retryBudget)}`,
    });
  }
  if (inFlight > maxRequests) {
    findings.push({
      rule: "requests-overflow",
      path: "circuit_breakers.thresholds[0].max_requests",
      message: `${load}, more than the ${maxRequests} that are admitted`,
    });
  }
  return findings;
}

function lintPanic(options: ClusterOptions): LintFinding[] {
  const threshold = options.healthyPanicThreshold ?? 50;
  const factor = options.overprovisioningFactor ?? 140;
  const levels = new Set(groupsOf(options).map((group) => group.priority ?? 0)).size;
  if (levels < 2 || threshold === 0) return [];
  const spill = 10_000 / factor;
  return [
    {
      rule: "failover-point",
      path: "load_assignment.policy.overprovisioning_factor",
      message: `a priority hands traffic on when fewer than ${spill.toFixed(1)} % of its hosts are available, and uses all its hosts when fewer than ${Math.trunc(threshold)} % are and the others cannot take the rest`,
    },
  ];
}

function percentOf(part: number, whole: number): string {
  return whole === 0 ? "whatever the load" : `${((100 * part) / whole).toFixed(1)} %`;
}

function groupsOf(options: ClusterOptions): readonly EndpointGroup[] {
  return [...(options.hosts ? [{ hosts: options.hosts }] : []), ...(options.endpoints ?? [])];
}
