import type { Permit, Resource } from "./circuit-breaker-options.js";
import type { ClusterDeps, ClusterOptions, HostDelta } from "./cluster-options.js";
import type { Explanation } from "./explain.js";
import type { Host } from "./host.js";
import type { Pick, PickContext, RoutingPriority } from "./pick.js";
import type { PrioritySet } from "./priority-set.js";

/** Everything needed to send requests to a set of hosts. Holds no timer and no socket; time comes from the clock. */
export interface Cluster extends Disposable {
  /** As given in the options. */
  readonly name: string;
  /** The hosts by priority, locality and health. */
  readonly prioritySet: PrioritySet;
  /** Chooses a host and takes what the request needs; give it back with {@link HostPick.done}. Never throws. */
  pick(context?: PickContext): Pick;
  /** Chooses as {@link Cluster.pick} would (a rotation moves on by one), takes nothing, and says why. */
  explain(context?: PickContext): Explanation;
  /** Takes a unit of a limited resource, or nothing if the limit is reached. `pick` takes `"request"` itself. */
  admit(resource: Resource, priority?: RoutingPriority): Permit | undefined;
  /** The host with this address. */
  host(address: string): Host | undefined;
  /**
   * Applies a change of the hosts. Additions and removals take effect at once, the rest with the merge window.
   *
   * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every host that cannot be accepted; nothing is applied then.
   */
  update(delta: HostDelta): void;
  /** When {@link Cluster.tick} has something to do next, in the clock's milliseconds; Infinity if nothing is due. */
  readonly nextTickAt: number;
  /** Does what is due: sweeps, merged updates, weight updates. Calling it early does nothing. */
  tick(now?: number): void;
  /** Counters and gauges by Envoy's names, without the `cluster.<name>.` in front. */
  stats(): Readonly<Record<string, number>>;
  /** What was learnt so far (ejections, estimates, rotation positions) as JSON, for {@link Cluster.restore}. */
  snapshot(): unknown;
  /** Takes over what an earlier cluster had learnt about hosts that this one still has. */
  restore(snapshot: unknown): void;
}

/**
 * Makes a cluster.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` or `ERR_LB_HOST_INVALID` with every problem found.
 */
export declare function createCluster(options: ClusterOptions, deps: ClusterDeps): Cluster;
