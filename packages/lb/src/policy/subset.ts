import type { Trace } from "../explain.js";
import type { Host, Metadata } from "../host.js";
import type { HostState } from "../host-state.js";
import { isListed } from "../listed.js";
import type { PickContext } from "../pick.js";
import type { Balancer, BalancerEnv, HostsChange, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { PrioritySet } from "../priority-set.js";
import { equalJson } from "../retry.js";
import { SubsetCriteria } from "../subset-criteria.js";
import { SubsetIndex } from "../subset-index.js";
import type { SubsetOptions } from "../subset-options.js";
import { SubsetPool } from "../subset-pool.js";
import { roundRobin } from "./round-robin.js";

/**
 * Chooses among the hosts whose metadata equals what the request's route asks for; another policy chooses within.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/subsets
 */
export function subset(options: SubsetOptions): Policy {
  new PolicyCheck(options).subsets(options).done();
  return { name: "subset", options, balancer: (hosts, env) => new SubsetBalancer(hosts, env, options) };
}

/** With more hosts than this, reading all of them anew is as quick. */
const MAX_FOLLOWED = 16;

class SubsetBalancer implements Balancer {
  private readonly options: SubsetOptions;
  private readonly env: BalancerEnv;
  private readonly hosts: PrioritySet;
  private readonly index: SubsetIndex;
  /** Hosts that any fallback may use. */
  private readonly any: SubsetPool;
  private readonly defaults: SubsetPool;
  /** A route's metadata is one object for all its requests. */
  private readonly criteria = new WeakMap<Metadata, SubsetCriteria>();
  private stalePriority: number | "all" | undefined = "all";

  constructor(hosts: PrioritySet, env: BalancerEnv, options: SubsetOptions) {
    this.hosts = hosts;
    this.env = env;
    this.options = options;
    const pool = (): SubsetPool => new SubsetPool(hosts, env, options.policy ?? roundRobin(), options);
    this.any = pool();
    this.defaults = pool();
    this.index = new SubsetIndex(options, pool, env);
  }

  choose(context: PickContext, trace?: Trace): Host | undefined {
    if (this.stalePriority !== undefined) this.rebuild();
    const criteria = this.criteriaOf(context.metadataMatch);
    const alternatives = this.options.metadataFallbackPolicy === "FALLBACK_LIST" ? criteria?.alternatives() : undefined;
    if (alternatives === undefined) return this.chooseFor(criteria, context, trace);
    for (const alternative of alternatives) {
      const host = this.chooseFor(alternative, context, trace);
      if (host !== undefined) return host;
    }
    return undefined;
  }

  refresh(change: HostsChange): void {
    if (this.stalePriority === "all") return;
    if (change.kind === "membership") {
      if (this.follow(change.hosts)) return;
      const priority = change.priority ?? "all";
      this.stalePriority = this.stalePriority === undefined || this.stalePriority === priority ? priority : "all";
      return;
    }
    // Rebuilding a priority reads the hosts as they are then, so a change before it needs no step of its own.
    if (this.stalePriority !== undefined) return;
    const host = change.host as HostState;
    if (change.kind === "metadata") {
      this.index.reassign(host);
      this.any.refresh(change);
      this.assignDefault(host);
      return;
    }
    this.index.refresh(host, change);
    this.any.refresh(change);
    // Its metadata may have changed with its health, so who is in the default subset is not who matches it now.
    this.defaults.refresh(change);
  }

  observe(host: Host, outcome: Parameters<NonNullable<Balancer["observe"]>>[1], latencyMs: number, now: number): void {
    for (const pool of [this.any, this.defaults, ...this.index.poolsOf(host as HostState)]) {
      pool.observe(host, outcome, latencyMs, now);
    }
  }

  /** Subsets whose policy recomputes weights want to be called as well. */
  get nextTickAt(): number {
    let next = Math.min(this.any.nextTickAt, this.defaults.nextTickAt);
    for (const [, pool] of this.index.pools()) next = Math.min(next, pool.nextTickAt);
    return next;
  }

  tick(now: number): void {
    this.any.tick(now);
    this.defaults.tick(now);
    for (const [, pool] of this.index.pools()) pool.tick(now);
  }

  snapshot(): unknown {
    const subsets = [...this.index.pools()].map(([text, pool]) => [text, pool.snapshot()] as const);
    return {
      any: this.any.snapshot(),
      defaults: this.defaults.snapshot(),
      subsets: Object.fromEntries(subsets.filter(([, state]) => state !== undefined)),
    };
  }

  restore(state: unknown): void {
    if (!isStruct(state)) return;
    if (this.stalePriority !== undefined) this.rebuild();
    this.any.restore(state["any"]);
    this.defaults.restore(state["defaults"]);
    const subsets = isStruct(state["subsets"]) ? state["subsets"] : {};
    for (const [text, pool] of this.index.pools()) {
      if (Object.hasOwn(subsets, text)) pool.restore(subsets[text]);
    }
  }

  /** Takes single hosts in or out; whether that was all there is to do. */
  private follow(hosts: readonly Host[] | undefined): boolean {
    // Weights of localities may have come with the hosts, and every subset has those.
    if (hosts === undefined || hosts.length > MAX_FOLLOWED || this.options.localityWeightAware) return false;
    if (this.stalePriority !== undefined) return false;
    for (const each of hosts) {
      const host = each as HostState;
      if (isListed(this.hosts, host)) {
        this.any.ensure(host);
        this.assignDefault(host);
        this.index.reassign(host);
      } else {
        this.any.drop(host);
        this.defaults.drop(host);
        this.index.remove(host);
      }
    }
    return true;
  }

  private chooseFor(criteria: SubsetCriteria | undefined, context: PickContext, trace?: Trace): Host | undefined {
    if (criteria !== undefined) {
      const used = this.options.allowRedundantKeys ? this.index.reduce(criteria) : criteria;
      const pool = this.index.find(used);
      if (pool !== undefined) {
        this.env.count("lb_subsets_selected");
        trace?.push({ step: "subset", subset: used.text });
        return pool.choose(context, trace);
      }
      const selector = this.index.fallbackOf(used);
      const fallback = selector?.fallbackPolicy ?? "NOT_DEFINED";
      if (fallback !== "NOT_DEFINED") trace?.push({ step: "subset", subset: used.text, fallback });
      switch (fallback) {
        case "NO_FALLBACK":
          return undefined;
        case "ANY_ENDPOINT":
          return this.any.choose(context, trace);
        case "DEFAULT_SUBSET":
          return this.defaults.choose(context, trace);
        case "KEYS_SUBSET":
          return this.chooseFor(used.only(selector?.fallbackKeysSubset ?? []), context, trace);
        case "NOT_DEFINED":
      }
    }
    return this.chooseFallback(criteria, context, trace);
  }

  private chooseFallback(criteria: SubsetCriteria | undefined, context: PickContext, trace?: Trace): Host | undefined {
    const fallback = this.options.fallbackPolicy ?? "NO_FALLBACK";
    trace?.push({ step: "subset", subset: criteria?.text ?? "{}", fallback });
    if (fallback === "NO_FALLBACK") return undefined;
    const host = (fallback === "ANY_ENDPOINT" ? this.any : this.defaults).choose(context, trace);
    if (host !== undefined) {
      this.env.count("lb_subsets_fallback");
      return host;
    }
    if (!this.options.panicModeAny) return undefined;
    const panicHost = this.any.choose(context, trace);
    if (panicHost !== undefined) this.env.count("lb_subsets_fallback_panic");
    return panicHost;
  }

  private criteriaOf(metadata: Metadata | undefined): SubsetCriteria | undefined {
    // What untyped callers pass may be anything, and nothing throws on the way of a request.
    if (typeof metadata !== "object" || metadata === null) return undefined;
    let criteria = this.criteria.get(metadata);
    if (criteria === undefined) {
      criteria = new SubsetCriteria(metadata);
      this.criteria.set(metadata, criteria);
    }
    return criteria;
  }

  private rebuild(): void {
    const stale = this.stalePriority;
    this.stalePriority = undefined;
    const priority = stale === "all" ? undefined : stale;
    const levels = priority === undefined ? this.hosts.levels : this.hosts.levels.slice(priority, priority + 1);
    const hosts = levels.flatMap((level) => level.hosts as readonly HostState[]);
    this.any.fill(hosts, priority);
    this.defaults.fill(
      hosts.filter((host) => this.matchesDefault(host)),
      priority,
    );
    this.index.fill(hosts, priority);
  }

  private assignDefault(host: HostState): void {
    if (this.matchesDefault(host)) this.defaults.ensure(host);
    else this.defaults.drop(host);
  }

  private matchesDefault(host: HostState): boolean {
    for (const [key, wanted] of Object.entries(this.options.defaultSubset ?? {})) {
      if (!Object.hasOwn(host.metadata, key)) return false;
      const value = host.metadata[key];
      const listed = this.options.listAsAny && Array.isArray(value);
      if (!(listed ? value.some((each) => equalJson(each, wanted)) : equalJson(value, wanted))) return false;
    }
    return true;
  }
}

function isStruct(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
