import { CircuitBreaker, effectiveLimits, HostConnections } from "./circuit-breaker.js";
import type { Permit, Resource } from "./circuit-breaker-options.js";
import type { Cluster } from "./cluster.js";
import type { ClusterDeps, ClusterOptions, HostChange, HostDelta } from "./cluster-options.js";
import { Counters } from "./counters.js";
import { droppedBy } from "./drop-overload.js";
import { LbError } from "./errors.js";
import type { LbEvent } from "./event.js";
import type { Explanation, Trace } from "./explain.js";
import { HealthBoard } from "./health-board.js";
import type { CheckResult, HealthCheckOptions } from "./health-check.js";
import { Hold, type HoldOwner } from "./hold.js";
import type { EndpointGroup, EndpointHealth, Host } from "./host.js";
import { DEFAULT_OVERRIDE_STATUS, statusOf } from "./host-override.js";
import { type HostState, withEndpointHealth } from "./host-state.js";
import { HostStore } from "./host-store.js";
import { MergeWindow } from "./merge-window.js";
import { outlierConfig } from "./outlier-config.js";
import { OutlierDetector, type OutlierHost } from "./outlier-detection.js";
import { type OutlierReport, outlierReport } from "./outlier-report.js";
import type { NoHostReason, NoPick, Outcome, Pick, PickContext, RoutingPriority } from "./pick.js";
import { roundRobin } from "./policy/round-robin.js";
import type { Balancer, BalancerEnv } from "./policy.js";
import { equalJson } from "./retry.js";
import { restoreHosts, snapshotHosts } from "./snapshot.js";

const NONE: Readonly<Record<NoHostReason, NoPick>> = {
  "no-healthy-host": Object.freeze({ kind: "none", reason: "no-healthy-host" }),
  dropped: Object.freeze({ kind: "none", reason: "dropped" }),
  overflow: Object.freeze({ kind: "none", reason: "overflow" }),
  disposed: Object.freeze({ kind: "none", reason: "disposed" }),
};

const FIRST_ATTEMPT: PickContext = Object.freeze({});

/** The state behind {@link Cluster}. */
export class ClusterState implements Cluster, HoldOwner, OutlierHost {
  readonly name: string;
  readonly clock: ClusterDeps["clock"];
  readonly random: ClusterDeps["random"];
  readonly prioritySet: HostStore;
  private readonly options: ClusterOptions;
  private readonly balancer: Balancer;
  private readonly detector: OutlierDetector | undefined;
  private readonly health: HealthBoard | undefined;
  private readonly breakers: Readonly<Record<RoutingPriority, CircuitBreaker>>;
  private readonly merges: MergeWindow;
  /** Hosts whose change waits for the merge window, and whether their metadata is part of it. */
  private readonly waiting = new Map<HostState, boolean>();
  private readonly connections = new HostConnections();
  private readonly counters = new Counters();
  private readonly overrideStatus: ReadonlySet<EndpointHealth>;
  private readonly eventErrors: unknown[] = [];
  private active = 0;
  /** Whether anything was ever picked. */
  hasTraffic = false;
  private disposed = false;

  constructor(options: ClusterOptions, deps: ClusterDeps) {
    this.options = options;
    this.name = options.name ?? "";
    this.clock = deps.clock;
    this.random = deps.random;
    this.overrideStatus = new Set(options.overrideHostStatus ?? DEFAULT_OVERRIDE_STATUS);
    this.merges = new MergeWindow(options.updateMergeWindowMs ?? 1000);
    let balancer: Balancer | undefined;
    this.prioritySet = new HostStore(
      {
        overprovisioningFactor: options.overprovisioningFactor ?? 140,
        weightedPriorityHealth: options.weightedPriorityHealth ?? false,
        activeHealthChecks: options.healthCheck !== undefined,
        ignoreNewHostsUntilFirstCheck: options.ignoreNewHostsUntilFirstCheck ?? false,
        ignoreHealthOnHostRemoval: options.ignoreHealthOnHostRemoval ?? false,
        ...(options.local && { ownLocality: options.local.locality }),
      },
      (change) => balancer?.refresh(change),
      (host) => this.detector?.forget(host),
    );
    const groups = groupsOf(options);
    this.prioritySet.check({ add: groups });
    this.prioritySet.add(groups, this.clock.now());
    this.breakers = { DEFAULT: this.breaker("DEFAULT"), HIGH: this.breaker("HIGH") };
    this.detector = options.outlierDetection && new OutlierDetector(outlierConfig(options.outlierDetection), this);
    this.health = options.healthCheck && new HealthBoard(options.healthCheck, this, this.prioritySet);
    balancer = (options.policy ?? roundRobin()).balancer(this.prioritySet, this.env());
    this.balancer = balancer;
  }

  pick(given?: PickContext): Pick {
    // Untyped callers may pass null, and nothing throws on the way of a request.
    const context = given ?? FIRST_ATTEMPT;
    if (this.disposed) return NONE.disposed;
    if (this.options.dropOverloads !== undefined && this.drops()) return NONE.dropped;
    const host = this.choose(context);
    if (host === undefined) {
      this.count("upstream_cx_none_healthy");
      return NONE["no-healthy-host"];
    }
    const breaker = this.breakerOf(context.routingPriority);
    if (!breaker.take("request")) return NONE.overflow;
    if (!context.attempted?.length) breaker.countOriginal();
    host.begin();
    this.active += 1;
    this.hasTraffic = true;
    this.detector?.onActiveRequests(host);
    return new Hold(host, this, breaker, this.balancer.observe ? this.clock.now() : 0);
  }

  explain(given?: PickContext): Explanation {
    const context = given ?? FIRST_ATTEMPT;
    const steps: Trace = [];
    if (this.disposed) return { reason: "disposed", steps };
    if (this.options.dropOverloads !== undefined) {
      const category = droppedBy(this.options.dropOverloads, this.random);
      steps.push({ step: "drop", dropped: category !== undefined, ...(category !== undefined && { category }) });
      if (category !== undefined) return { reason: "dropped", steps };
    }
    const host = this.counters.quietly(() => this.choose(context, steps));
    if (host === undefined) return { reason: "no-healthy-host", steps };
    const breaker = this.breakerOf(context.routingPriority);
    const current = breaker.current("request");
    const max = breaker.max("request");
    steps.push({ step: "admission", resource: "request", current, max, open: current >= max });
    return current >= max ? { reason: "overflow", steps } : { address: host.address, steps };
  }

  admit(resource: Resource, priority?: RoutingPriority, host?: Host): Permit | undefined {
    return this.breakerOf(priority).permit(resource, resource === "connection" ? host : undefined);
  }

  host(address: string): Host | undefined {
    return this.prioritySet.get(address);
  }

  update(delta: HostDelta): void {
    if (this.disposed) {
      throw new LbError([
        { code: "ERR_LB_CLUSTER_DISPOSED", path: this.name || "cluster", message: "is disposed and takes no updates" },
      ]);
    }
    this.prioritySet.check(delta);
    const now = this.clock.now();
    if (delta.replace || delta.add || delta.remove) this.flushMerges(now);
    const changes = delta.replace ? this.prioritySet.replace(delta.replace, now) : undefined;
    if (delta.add) this.prioritySet.add(delta.add, now);
    if (delta.remove) this.prioritySet.remove(delta.remove);
    if (changes) this.change(changes, now);
    if (delta.change) this.change(delta.change, now);
  }

  get healthCheck(): HealthCheckOptions | undefined {
    return this.options.healthCheck;
  }

  reportHealthCheck(address: string, result: CheckResult): number | undefined {
    const host = this.prioritySet.get(address);
    if (host === undefined || this.health === undefined || this.disposed) return undefined;
    const { delayMs, passed } = this.health.report(host, result);
    if (passed && !host.retired) this.detector?.onHealthCheckPassed(host);
    this.passErrorsOn();
    return delayMs;
  }

  get nextTickAt(): number {
    if (this.disposed) return Number.POSITIVE_INFINITY;
    return Math.min(
      this.merges.dueAt,
      this.detector?.nextTickAt ?? Number.POSITIVE_INFINITY,
      this.balancer.nextTickAt ?? Number.POSITIVE_INFINITY,
    );
  }

  tick(now: number = this.clock.now()): void {
    if (this.disposed) return;
    if (now >= this.merges.dueAt) this.flushMerges(now);
    this.detector?.tick(now);
    this.balancer.tick?.(now);
    this.passErrorsOn();
  }

  stats(): Readonly<Record<string, number>> {
    const stats = this.counters.all();
    stats["membership_total"] = this.prioritySet.size;
    stats["membership_healthy"] = this.prioritySet.count("healthy");
    stats["membership_degraded"] = this.prioritySet.count("degraded");
    stats["membership_excluded"] = this.prioritySet.levels.reduce((sum, level) => sum + level.excluded, 0);
    stats["upstream_rq_active"] = this.active;
    this.detector?.writeStats(stats);
    this.health?.writeStats(stats);
    this.breakers.DEFAULT.writeStats("circuit_breakers.default", stats);
    this.breakers.HIGH.writeStats("circuit_breakers.high", stats);
    return stats;
  }

  outliers(): OutlierReport {
    return outlierReport(this.detector, this.prioritySet.all());
  }

  snapshot(): unknown {
    return { hosts: snapshotHosts(this.prioritySet.all()), balancer: this.balancer.snapshot?.() };
  }

  restore(snapshot: unknown): void {
    if (typeof snapshot !== "object" || snapshot === null) return;
    const { hosts, balancer } = snapshot as { hosts?: unknown; balancer?: unknown };
    restoreHosts(hosts, this.prioritySet.all(), {
      now: this.clock.now(),
      detector: this.detector,
      outlierDetection: this.options.outlierDetection,
      health: this.health,
    });
    if (balancer !== undefined) this.balancer.restore?.(balancer);
  }

  [Symbol.dispose](): void {
    this.disposed = true;
    this.waiting.clear();
  }

  onReport({ host, startedAt, ejections }: Hold, outcome: Outcome, connected: boolean): void {
    // What is said of a host that is gone must not eject it: nobody would ever let it back in.
    if (host.retired) return;
    this.detector?.record(host, outcome, connected, ejections);
    if (outcome.immediateHealthCheckFail) this.health?.failAtOnce(host);
    if (this.balancer.observe) {
      const now = this.clock.now();
      this.balancer.observe(host, outcome, outcome.latencyMs ?? now - startedAt, now);
    }
    this.passErrorsOn();
  }

  onDone(host: HostState): void {
    host.end();
    this.active -= 1;
    this.detector?.onActiveRequests(host);
  }

  hosts(): Iterable<HostState> {
    return this.prioritySet.all();
  }

  hostCount(): number {
    return this.prioritySet.size;
  }

  setFlags(host: HostState, flags: number): void {
    this.prioritySet.setFlags(host, flags);
  }

  emit(event: LbEvent): void {
    try {
      this.options.onEvent?.(event);
    } catch (error) {
      this.eventErrors.push(error);
    }
  }

  /** Work is done to its end before what a handler threw comes out: half a sweep would leave hosts out for ever. */
  private passErrorsOn(): void {
    if (this.eventErrors.length > 0) throw this.eventErrors.splice(0)[0];
  }

  count(statistic: string): void {
    this.counters.count(statistic);
  }

  private env(): BalancerEnv {
    const { local } = this.options;
    return {
      clock: this.clock,
      random: this.random,
      panicThresholdPercent: this.options.healthyPanicThreshold ?? 50,
      ...(local && {
        local: { locality: local.locality, ...(local.cluster && { hosts: local.cluster.prioritySet }) },
      }),
      totalActive: () => this.active,
      discover: (address) => this.prioritySet.discover(address, this.clock.now()),
      forget: (addresses) => this.prioritySet.remove(addresses),
      count: (name) => this.count(name),
      gauge: (name, value) => this.counters.set(name, value),
    };
  }

  /** What is no priority counts against the default one: untyped callers give what a message held. */
  private breakerOf(priority: RoutingPriority | undefined): CircuitBreaker {
    return priority === "HIGH" ? this.breakers.HIGH : this.breakers.DEFAULT;
  }

  private breaker(priority: RoutingPriority): CircuitBreaker {
    const limits = effectiveLimits(this.options.circuitBreakers ?? [], priority);
    return new CircuitBreaker(limits, this.clock, this.connections, (name) => this.count(name));
  }

  private drops(): boolean {
    const category = droppedBy(this.options.dropOverloads ?? [], this.random);
    if (category === undefined) return false;
    this.count("lb_drop");
    this.count(`lb_drop.${category}`);
    return true;
  }

  private change(changes: readonly HostChange[], now: number): void {
    for (const change of changes) this.changeHost(change);
    if (this.waiting.size > 0 && !this.merges.mustWait(now)) this.flushMerges(now);
  }

  private changeHost(change: HostChange): void {
    const host = this.prioritySet.get(change.address);
    if (host === undefined) return;
    const flags = change.health === undefined ? host.flags : withEndpointHealth(host.flags, change.health);
    const weight = change.weight ?? host.weight;
    const metadata = change.metadata ?? host.metadata;
    const metadataChanged = metadata !== host.metadata && !equalJson(metadata, host.metadata);
    host.endpointHealth = change.health ?? host.endpointHealth;
    if (flags === host.flags && weight === host.weight && !metadataChanged) return;
    host.flags = flags;
    this.prioritySet.weigh(host, weight);
    host.metadata = metadata;
    this.waiting.set(host, metadataChanged || this.waiting.get(host) === true);
  }

  private flushMerges(now: number): void {
    for (const [host, metadataChanged] of this.waiting) {
      this.prioritySet.list(host);
      this.prioritySet.announce(host, metadataChanged ? "metadata" : "weight");
    }
    this.waiting.clear();
    this.merges.applied(now);
  }

  /** Every host of a balancer of ours comes from the store, so it is a HostState. */
  private choose(context: PickContext, trace?: Trace): HostState | undefined {
    const { overrideHost: wanted } = context;
    // As in Envoy, only the first attempt asks for the session's host.
    if (!wanted || context.attempted?.length) return this.balancer.choose(context, trace) as HostState | undefined;
    const host = this.prioritySet.get(wanted.address);
    if (host !== undefined && this.overrideStatus.has(statusOf(host))) {
      trace?.push({ step: "host", policy: "override", address: host.address });
      return host;
    }
    return wanted.strict ? undefined : (this.balancer.choose(context, trace) as HostState | undefined);
  }
}

/** The hosts of a cluster's options. */
export function groupsOf({ hosts, endpoints }: ClusterOptions): readonly EndpointGroup[] {
  return [...(hosts === undefined ? [] : [{ hosts }]), ...(endpoints ?? [])];
}
