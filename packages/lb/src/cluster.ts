import type { Permit, Resource } from "./circuit-breaker-options.js";
import { checkOptions } from "./cluster-check.js";
import type { ClusterDeps, ClusterOptions, HostDelta } from "./cluster-options.js";
import { ClusterState, groupsOf } from "./cluster-state.js";
import { type Issue, throwIssues } from "./errors.js";
import type { Explanation } from "./explain.js";
import type { CheckResult, HealthCheckOptions } from "./health-check.js";
import type { Host } from "./host.js";
import { hostIssues } from "./host-check.js";
import type { OutlierReport } from "./outlier-report.js";
import type { Pick, PickContext, RoutingPriority } from "./pick.js";
import type { PrioritySet } from "./priority-set.js";

/** Everything needed to send requests to a set of hosts. Holds no timer and no socket; time comes from the clock. */
export interface Cluster extends Disposable {
  /** As given in the options. */
  readonly name: string;
  /** The hosts by priority, locality and health. */
  readonly prioritySet: PrioritySet;
  /**
   * Chooses a host and takes what the request needs; give it back with {@link HostPick.done}. Never throws of itself: what
   * a policy, predicate or reader of the caller's own throws comes out, and nothing is held then.
   */
  pick(context?: PickContext): Pick;
  /** Chooses as {@link Cluster.pick} would (a rotation moves on by one), takes and counts nothing, and says why. */
  explain(context?: PickContext): Explanation;
  /**
   * Takes a unit of a limited resource, or nothing if the limit is reached. `pick` takes `"request"` itself.
   *
   * @param host - To which host, for connections: the limit by host then counts too.
   */
  admit(resource: Resource, priority?: RoutingPriority, host?: Host): Permit | undefined;
  /** The host with this address. */
  host(address: string): Host | undefined;
  /**
   * Applies a change of the hosts. Additions and removals take effect at once, the rest with the merge window.
   *
   * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every host that cannot be accepted; nothing is applied then.
   * `ERR_LB_CLUSTER_DISPOSED` after the cluster was disposed.
   */
  update(delta: HostDelta): void;
  /**
   * Takes the result of an active health check into account and says in how many milliseconds the next one is due.
   * Nothing if the host is gone or the cluster has no health check.
   */
  reportHealthCheck(address: string, result: CheckResult): number | undefined;
  /** The timing of active health checks, if the cluster has any; {@link runHealthChecks} goes by it. */
  readonly healthCheck: HealthCheckOptions | undefined;
  /** When {@link Cluster.tick} has something to do next, in the clock's milliseconds; Infinity if nothing is due. */
  readonly nextTickAt: number;
  /** Does what is due: sweeps, merged updates, weight updates. Calling it early does nothing. */
  tick(now?: number): void;
  /** What the outlier detector found in its last sweep; all −1 and no hosts without a detector. */
  outliers(): OutlierReport;
  /** Counters and gauges by Envoy's names, without the `cluster.<name>.` in front. */
  stats(): Readonly<Record<string, number>>;
  /**
   * What was learnt so far (ejections, estimates, rotation positions) as JSON, for {@link Cluster.restore}. Times are
   * those of the cluster's clock.
   */
  snapshot(): unknown;
  /** Takes over what an earlier cluster on the same clock had learnt about hosts that this one still has. */
  restore(snapshot: unknown): void;
}

/**
 * Makes a cluster.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` or `ERR_LB_HOST_INVALID` with every problem found.
 */
export function createCluster(options: ClusterOptions, deps: ClusterDeps): Cluster {
  const issues = [...checkOptions(options), ...checkDeps(deps)];
  // The hosts are checked when they are added; what is wrong with them is to be known at once all the same.
  if (issues.length > 0 && Array.isArray(options?.endpoints ?? [])) issues.push(...hostIssues(groupsOf(options ?? {})));
  throwIssues(issues);
  return new ClusterState(options, deps);
}

function checkDeps(deps: ClusterDeps): Issue[] {
  const issues: Issue[] = [];
  const report = (path: string, message: string) => issues.push({ code: "ERR_LB_CONFIG_INVALID", path, message });
  if (typeof deps?.clock?.now !== "function") report("clock", "must have a function now, such as systemClock");
  if (typeof deps?.random !== "function") report("random", "must be a function, such as Math.random");
  return issues;
}
