import type { Trace } from "./explain.js";
import type { Host } from "./host.js";
import type { HostState } from "./host-state.js";
import type { Outcome, PickContext } from "./pick.js";
import type { Balancer, BalancerEnv, HostsChange, Policy } from "./policy.js";
import type { PrioritySet } from "./priority-set.js";
import { SubsetHosts } from "./subset-hosts.js";
import type { SubsetOptions } from "./subset-options.js";

/** One subset: its hosts, and a balancer that exists from its first request on. */
export class SubsetPool {
  private readonly hosts: SubsetHosts;
  private readonly env: BalancerEnv;
  private readonly policy: Policy;
  private readonly members = new Set<HostState>();
  private balancer: Balancer | undefined;

  constructor(original: PrioritySet, env: BalancerEnv, policy: Policy, options: SubsetOptions) {
    this.env = env;
    this.policy = policy;
    this.hosts = new SubsetHosts(original, {
      ...(env.local && { own: env.local.locality }),
      aware: options.localityWeightAware ?? false,
      scaled: options.scaleLocalityWeight ?? false,
    });
  }

  get isEmpty(): boolean {
    return this.members.size === 0;
  }

  choose(context: PickContext, trace?: Trace): Host | undefined {
    this.balancer ??= this.policy.balancer(this.hosts, this.env);
    return this.balancer.choose(context, trace);
  }

  /** Replaces the hosts of one priority, or all; they come in order. */
  fill(hosts: Iterable<HostState>, priority: number | undefined): void {
    this.hosts.clear(priority);
    if (priority === undefined) this.members.clear();
    else for (const host of this.members) if (host.priority === priority) this.members.delete(host);
    for (const host of hosts) {
      this.members.add(host);
      this.hosts.add(host);
    }
    this.changed(priority);
  }

  /** Puts the host in if it is not there. */
  ensure(host: HostState): void {
    if (this.members.has(host)) return;
    this.members.add(host);
    this.hosts.add(host);
    this.changed(host.priority, host);
  }

  /** Takes the host out if it is there. */
  drop(host: HostState): void {
    if (!this.members.delete(host)) return;
    this.hosts.remove(host);
    this.changed(host.priority, host);
  }

  /** Follows a change of one of its hosts; of others there is nothing to follow. */
  refresh(change: Exclude<HostsChange, { kind: "membership" }>): void {
    if (!this.members.has(change.host as HostState)) return;
    this.hosts.apply(change);
    this.balancer?.refresh(change);
  }

  observe(host: Host, outcome: Outcome, latencyMs: number, now: number): void {
    this.balancer?.observe?.(host, outcome, latencyMs, now);
  }

  get nextTickAt(): number {
    return this.balancer?.nextTickAt ?? Number.POSITIVE_INFINITY;
  }

  tick(now: number): void {
    this.balancer?.tick?.(now);
  }

  /** State of the balancer, if it ever chose. */
  snapshot(): unknown {
    return this.balancer?.snapshot?.();
  }

  restore(state: unknown): void {
    if (state === undefined) return;
    this.balancer ??= this.policy.balancer(this.hosts, this.env);
    this.balancer.restore?.(state);
  }

  /** @param only - The host that came or went, if it was no other. */
  private changed(priority: number | undefined, only?: HostState): void {
    this.hosts.weighLocalities();
    this.balancer?.refresh({
      kind: "membership",
      ...(priority !== undefined && { priority }),
      ...(only && { hosts: [only] }),
    });
  }
}
