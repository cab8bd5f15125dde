import type { Clock } from "../clock.js";
import type { Trace } from "../explain.js";
import type { HostState } from "../host-state.js";
import type { LocalityMode } from "../locality-options.js";
import { medianWeight, orcaWeight, recordReport, usableWeight } from "../orca.js";
import type { Outcome, PickContext } from "../pick.js";
import type { Balancer, MembershipChange, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { PrioritySet } from "../priority-set.js";
import { createRotation } from "../rotation.js";
import type { SlowStartOptions } from "../slow-start.js";
import { sourceBalancer } from "../source-balancer.js";
import { createWeightedPicker } from "../weighted-picker.js";

/** Options of {@link clientSideWeightedRoundRobin}; times are milliseconds. */
export interface ClientSideWeightedRoundRobinOptions {
  /** Reports must have been coming in for this long before they count. Default: 10000. */
  readonly blackoutPeriodMs?: number;
  /** A report counts for this long. Default: 180000. */
  readonly weightExpirationPeriodMs?: number;
  /** Time between recomputations, at least 100. Default: 1000. */
  readonly weightUpdatePeriodMs?: number;
  /** How much an error rate of 1 adds to the utilisation; at least 0. Default: 1. */
  readonly errorUtilizationPenalty?: number;
  /** Metrics to go by, such as `named_metrics.queue`; the greatest counts. Default: none. */
  readonly metricNames?: readonly string[];
  /** Ramp for new hosts. Default: none. */
  readonly slowStart?: SlowStartOptions;
  /** How localities take part. Default: they do not. */
  readonly locality?: LocalityMode;
}

const MIN_UPDATE_PERIOD_MS = 100;

/**
 * Round robin by the load that backends report: weight is requests per second over utilisation. Hosts without a usable
 * report get the median of the others; without any, all are equal.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://github.com/grpc/proposal/blob/master/A58-client-side-weighted-round-robin-lb-policy.md
 */
export function clientSideWeightedRoundRobin(options: ClientSideWeightedRoundRobinOptions = {}): Policy {
  const check = new PolicyCheck(options);
  const { slowStart, locality } = options;
  check.list("metric_names_for_computing_utilization", options.metricNames);
  check
    .number("blackout_period", options.blackoutPeriodMs, 0, Number.MAX_VALUE)
    .number("weight_expiration_period", options.weightExpirationPeriodMs, 0, Number.MAX_VALUE)
    .number("weight_update_period", options.weightUpdatePeriodMs, 0, Number.MAX_VALUE)
    .number("error_utilization_penalty", options.errorUtilizationPenalty, 0, Number.MAX_VALUE)
    .slowStart(slowStart)
    .locality(locality)
    .done();
  return {
    name: "client_side_weighted_round_robin",
    options,
    balancer(hosts, env) {
      const weights: ReportedWeightOf = new WeakMap();
      const inner = sourceBalancer(hosts, env, {
        name: "client_side_weighted_round_robin",
        ...(locality && { locality }),
        createPicker: (seed) => {
          const rotation = createRotation(seed);
          return createWeightedPicker({
            prePicks: seed,
            clock: env.clock,
            ...(slowStart && { slowStart }),
            weightOf: (host) => weights.get(host) ?? 1,
            unweighted: { pick: (list) => rotation.pick(list.length), rotation },
          });
        },
      });
      return new ReportedWeights(hosts, inner, weights, options, env.clock);
    },
  };
}

/** Weights by host. They are a balancer's own: in another subset the median of the reports is another. */
type ReportedWeightOf = WeakMap<HostState, number>;

/** Keeps the reports and turns them into weights at each update period. */
class ReportedWeights implements Balancer {
  nextTickAt: number;
  private readonly hosts: PrioritySet;
  private readonly inner: Balancer;
  private readonly weights: ReportedWeightOf;
  private readonly clock: Clock;
  private readonly blackoutMs: number;
  private readonly expirationMs: number;
  private readonly updateMs: number;
  private readonly penalty: number;
  private readonly metricNames: readonly string[];
  /** Of the usable weights of each priority. */
  private readonly medians: number[] = [];
  /** Nobody knows which hosts came: they are not to wait for the next period. */
  private isDue = false;

  constructor(
    hosts: PrioritySet,
    inner: Balancer,
    weights: ReportedWeightOf,
    options: ClientSideWeightedRoundRobinOptions,
    clock: Clock,
  ) {
    this.hosts = hosts;
    this.inner = inner;
    this.weights = weights;
    this.clock = clock;
    this.blackoutMs = options.blackoutPeriodMs ?? 10_000;
    this.expirationMs = options.weightExpirationPeriodMs ?? 180_000;
    this.updateMs = Math.max(MIN_UPDATE_PERIOD_MS, options.weightUpdatePeriodMs ?? 1000);
    this.penalty = options.errorUtilizationPenalty ?? 1;
    this.metricNames = options.metricNames ?? [];
    this.nextTickAt = clock.now() + this.updateMs;
  }

  choose(context: PickContext, trace?: Trace): ReturnType<Balancer["choose"]> {
    if (this.isDue) this.update(this.clock.now());
    return this.inner.choose(context, trace);
  }

  refresh(change: Parameters<Balancer["refresh"]>[0]): void {
    if (change.kind === "membership") this.welcome(change);
    this.inner.refresh(change);
  }

  observe(host: HostState, outcome: Outcome, _latencyMs: number, now: number): void {
    if (outcome.load === undefined) return;
    const weight = orcaWeight(outcome.load, this.metricNames, this.penalty);
    if (weight === undefined) return;
    host.orca ??= { weight, nonEmptySince: Number.POSITIVE_INFINITY, lastUpdateAt: now };
    recordReport(host.orca, weight, now);
  }

  tick(now: number): void {
    if (now < this.nextTickAt) return;
    this.nextTickAt = now + this.updateMs;
    this.update(now);
  }

  /** A host that came has not reported yet: it weighs the median of its priority, as from the next period on. */
  private welcome({ priority, hosts }: MembershipChange): void {
    if (priority === undefined || hosts === undefined) this.isDue = true;
    else for (const host of hosts as readonly HostState[]) this.weights.set(host, this.medians[priority] ?? 1);
  }

  private update(now: number): void {
    this.isDue = false;
    for (const [priority, level] of this.hosts.levels.entries()) {
      if (this.updateLevel(level.hosts as readonly HostState[], priority, now)) {
        this.inner.refresh({ kind: "membership", priority });
      }
    }
  }

  snapshot(): unknown {
    return this.inner.snapshot?.();
  }

  restore(state: unknown): void {
    this.isDue = true;
    this.inner.restore?.(state);
  }

  /** Whether any weight changed: only then is the schedule built anew. */
  private updateLevel(hosts: readonly HostState[], priority: number, now: number): boolean {
    const weights = hosts.map(
      (host) => host.orca && usableWeight(host.orca, now - this.blackoutMs, now - this.expirationMs),
    );
    // A weight of 0 would never be due; Envoy's hosts weigh at least 1 as well.
    const median = Math.max(1, medianWeight(weights.filter((weight) => weight !== undefined)) ?? 1);
    this.medians[priority] = median;
    let changed = false;
    for (const [index, host] of hosts.entries()) {
      const weight = Math.max(1, weights[index] ?? median);
      if (weight === (this.weights.get(host) ?? 1)) continue;
      this.weights.set(host, weight);
      changed = true;
    }
    return changed;
  }
}
