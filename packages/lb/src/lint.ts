import { createCluster } from "./cluster.js";
import type { ClusterOptions } from "./cluster-options.js";
import { groupsOf } from "./cluster-state.js";
import { lintAvailability } from "./lint/availability.js";
import type { LintFacts, LintFinding } from "./lint/finding.js";
import { lintLimits } from "./lint/limits.js";
import { lintOutliers } from "./lint/outliers.js";
import { lintPolicy } from "./lint/policy.js";

export type { LintFacts, LintFinding, LintRule } from "./lint/finding.js";

/**
 * Consequences of a configuration that its author may not expect, in numbers. Everything here is valid; nothing of it
 * is refused. Warnings are about what cannot work as configured, notes give numbers.
 *
 * @throws {@link LbError} as {@link createCluster} does.
 */
export function lint(options: ClusterOptions, facts: LintFacts = {}): readonly LintFinding[] {
  createCluster(options, { clock: { now: () => 0 }, random: () => 0 })[Symbol.dispose]();
  const groups = groupsOf(options);
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  return [
    ...lintOutliers(options, hosts, facts),
    ...lintPolicy(options, groups, facts),
    ...lintLimits(options.circuitBreakers ?? [], facts),
    ...lintAvailability(options, groups),
  ];
}
