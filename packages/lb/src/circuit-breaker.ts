import type { CircuitBreakerOptions, Permit, Resource } from "./circuit-breaker-options.js";
import type { Clock } from "./clock.js";
import type { Host } from "./host.js";
import type { RoutingPriority } from "./pick.js";
import { createWindowBudget, retryBudgetLimit, SlidingSum, type WindowBudget } from "./retry-budget.js";

/** Limits that are in force for one routing priority. */
export type EffectiveLimits = Required<Omit<CircuitBreakerOptions, "priority" | "retryBudget">> &
  Pick<CircuitBreakerOptions, "retryBudget">;

/** The limits of a routing priority: the first entry for it, and Envoy's defaults for what it leaves out. */
export function effectiveLimits(options: readonly CircuitBreakerOptions[], priority: RoutingPriority): EffectiveLimits {
  const first = options.find((entry) => (entry.priority ?? "DEFAULT") === priority) ?? {};
  return {
    maxConnections: first.maxConnections ?? 1024,
    maxPendingRequests: first.maxPendingRequests ?? 1024,
    maxRequests: first.maxRequests ?? 1024,
    maxRetries: first.maxRetries ?? 3,
    maxConnectionPools: first.maxConnectionPools ?? Number.POSITIVE_INFINITY,
    maxConnectionsPerHost: first.maxConnectionsPerHost ?? Number.POSITIVE_INFINITY,
    trackRemaining: first.trackRemaining ?? false,
    ...(first.retryBudget && { retryBudget: first.retryBudget }),
  };
}

const RESOURCES = ["connection", "connection-pool", "pending", "request", "retry"] as const satisfies Resource[];

const STATISTICS: Readonly<Record<Resource, { open: string; remaining: string; overflow: string }>> = {
  connection: { open: "cx_open", remaining: "remaining_cx", overflow: "upstream_cx_overflow" },
  "connection-pool": { open: "cx_pool_open", remaining: "remaining_cx_pools", overflow: "upstream_cx_pool_overflow" },
  pending: { open: "rq_pending_open", remaining: "remaining_pending", overflow: "upstream_rq_pending_overflow" },
  request: { open: "rq_open", remaining: "remaining_rq", overflow: "upstream_rq_active_overflow" },
  retry: { open: "rq_retry_open", remaining: "remaining_retries", overflow: "upstream_rq_retry_overflow" },
};

/** Connections of hosts, of all routing priorities together. */
export class HostConnections {
  private readonly counts = new WeakMap<Host, number>();

  /** How many the host has. */
  of(host: Host): number {
    return this.counts.get(host) ?? 0;
  }

  /** Counts some more, or less. */
  add(host: Host, by: number): void {
    this.counts.set(host, this.of(host) + by);
  }
}

/** Counts what is in flight at one routing priority and says when there is no more room. */
export class CircuitBreaker {
  readonly limits: EffectiveLimits;
  private readonly used: Record<Resource, number> = {
    connection: 0,
    "connection-pool": 0,
    pending: 0,
    request: 0,
    retry: 0,
  };
  /** Connections of this priority; the limit by host goes by those of all. */
  private readonly pools = new HostConnections();
  private readonly connections: HostConnections;
  private readonly window: WindowBudget | undefined;
  /** Requests that began lately, where the budget goes by them. */
  private readonly recent: SlidingSum | undefined;
  private readonly clock: Clock;
  private readonly count: (name: string) => void;

  constructor(limits: EffectiveLimits, clock: Clock, connections: HostConnections, count: (name: string) => void) {
    this.limits = limits;
    this.clock = clock;
    this.connections = connections;
    this.count = count;
    this.window =
      limits.retryBudget?.kind === "window" ? createWindowBudget(limits.retryBudget, clock.now()) : undefined;
    const intervalMs = limits.retryBudget?.kind === "window" ? 0 : (limits.retryBudget?.budgetIntervalMs ?? 0);
    this.recent = intervalMs > 0 ? new SlidingSum(intervalMs, clock.now()) : undefined;
  }

  /** Units in use. */
  current(resource: Resource): number {
    return this.used[resource];
  }

  /** The present limit; a retry budget's moves with the traffic. */
  max(resource: Resource): number {
    switch (resource) {
      case "connection":
        return this.limits.maxConnections;
      case "connection-pool":
        return this.limits.maxConnectionPools;
      case "pending":
        return this.limits.maxPendingRequests;
      case "request":
        return this.limits.maxRequests;
      case "retry":
        return this.maxRetries();
    }
  }

  /** Takes a unit if there is one. The caller gives it back with {@link CircuitBreaker.release} exactly once. */
  take(resource: Resource): boolean {
    if (this.used[resource] >= this.max(resource) || !this.withdraw(resource)) {
      this.count(STATISTICS[resource].overflow);
      return false;
    }
    this.used[resource] += 1;
    if (resource === "request") this.recent?.add(1, this.clock.now());
    return true;
  }

  /** Gives a unit back. */
  release(resource: Resource): void {
    this.used[resource] -= 1;
  }

  /** Takes a unit, of the host as well if one is given, and wraps it so that giving it back twice does no harm. */
  permit(resource: Resource, host?: Host): Permit | undefined {
    const full = host !== undefined && this.connections.of(host) >= this.limits.maxConnectionsPerHost;
    if (full) this.count(STATISTICS[resource].overflow);
    if (full || !this.take(resource)) {
      // A priority may always have one to each host, whatever others have: otherwise nothing would ever reach it.
      if (host === undefined || this.pools.of(host) > 0) return undefined;
      this.used[resource] += 1;
    }
    if (host !== undefined) this.connect(host, 1);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.release(resource);
      if (host !== undefined) this.connect(host, -1);
    };
    return { release, [Symbol.dispose]: release };
  }

  /** Tells a window budget of an original request. */
  countOriginal(): void {
    this.window?.deposit(this.clock.now());
  }

  /** Writes gauges under Envoy's names. */
  writeStats(prefix: string, into: Record<string, number>): void {
    for (const resource of RESOURCES) {
      const max = this.max(resource);
      const current = this.used[resource];
      into[`${prefix}.${STATISTICS[resource].open}`] = current >= max ? 1 : 0;
      if (this.limits.trackRemaining && Number.isFinite(max)) {
        // A budget changes with the traffic: Envoy does not follow it, and shows nothing left.
        const unknown = resource === "retry" && this.limits.retryBudget !== undefined;
        into[`${prefix}.${STATISTICS[resource].remaining}`] = unknown ? 0 : Math.max(0, max - current);
      }
    }
  }

  private connect(host: Host, by: number): void {
    this.connections.add(host, by);
    this.pools.add(host, by);
  }

  private withdraw(resource: Resource): boolean {
    return resource !== "retry" || this.window === undefined || this.window.withdraw(this.clock.now());
  }

  private maxRetries(): number {
    const budget = this.limits.retryBudget;
    if (budget === undefined) return this.limits.maxRetries;
    if (budget.kind === "window") return Number.POSITIVE_INFINITY;
    if (this.recent !== undefined) return retryBudgetLimit(this.recent.total(this.clock.now()), 0, budget);
    return retryBudgetLimit(this.used.request, this.used.pending, budget);
  }
}
