import { below } from "../clock.js";
import { xxHash64 } from "../hash/hash-text.js";
import type { Hash64 } from "../hash/hash64.js";
import type { HostState } from "../host-state.js";
import type { Balancer, BalancerEnv, HostsChange, Policy } from "../policy.js";
import { PolicyCheck } from "../policy-check.js";
import type { PrioritySet } from "../priority-set.js";
import { SubsetHosts } from "../subset-hosts.js";

/** Options of {@link randomSubsetting}. */
export interface RandomSubsettingOptions {
  /** Hosts to keep, at least 1. */
  readonly subsetSize: number;
  /** Chooses among them. */
  readonly childPolicy: Policy;
}

/**
 * Uses only some of the hosts, different ones in each client: those whose addresses hash lowest with a seed of the
 * client's own. When hosts come or go, few of the others change.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that is out of range.
 * @see https://github.com/grpc/proposal/blob/master/A68-random-subsetting.md
 */
export function randomSubsetting(options: RandomSubsettingOptions): Policy {
  new PolicyCheck(options)
    .integer("subset_size", options.subsetSize ?? 0, 1, 0xffffffff)
    .policy("child_policy", options.childPolicy)
    .done();
  return {
    name: "random_subsetting",
    options,
    balancer: (hosts, env) => new RandomSubset(hosts, env, options),
  };
}

class RandomSubset implements Balancer {
  private readonly original: PrioritySet;
  private readonly chosen: SubsetHosts;
  private readonly inner: Balancer;
  private readonly size: number;
  private seed: Hash64;
  private members = new Set<HostState>();
  /** Hashes by the present seed. */
  private hashes = new WeakMap<HostState, Hash64>();
  private stale = true;

  constructor(original: PrioritySet, env: BalancerEnv, options: RandomSubsettingOptions) {
    this.original = original;
    this.size = options.subsetSize;
    this.seed = { hi: below(env.random, 2 ** 32), lo: below(env.random, 2 ** 32) };
    this.chosen = new SubsetHosts(original, {
      ...(env.local && { own: env.local.locality }),
      aware: true,
      scaled: false,
    });
    this.inner = options.childPolicy.balancer(this.chosen, env);
  }

  get nextTickAt(): number {
    return this.inner.nextTickAt ?? Number.POSITIVE_INFINITY;
  }

  choose(...args: Parameters<Balancer["choose"]>): ReturnType<Balancer["choose"]> {
    if (this.stale) this.rebuild();
    return this.inner.choose(...args);
  }

  refresh(change: HostsChange): void {
    if (change.kind === "membership") {
      this.stale = true;
      return;
    }
    if (this.stale || !this.members.has(change.host as HostState)) return;
    this.chosen.apply(change);
    this.inner.refresh(change);
  }

  observe(...args: Parameters<NonNullable<Balancer["observe"]>>): void {
    this.inner.observe?.(...args);
  }

  tick(now: number): void {
    this.inner.tick?.(now);
  }

  snapshot(): unknown {
    return { seed: this.seed, inner: this.inner.snapshot?.() };
  }

  restore(state: unknown): void {
    if (typeof state !== "object" || state === null) return;
    if ("seed" in state && isHash(state.seed)) {
      // With another seed, a client would move to other hosts each time its configuration changes.
      this.seed = { hi: state.seed.hi, lo: state.seed.lo };
      this.hashes = new WeakMap();
      this.stale = true;
    }
    if (this.stale) this.rebuild();
    if ("inner" in state) this.inner.restore?.(state.inner);
  }

  private hashOf(host: HostState): Hash64 {
    let hash = this.hashes.get(host);
    if (hash === undefined) {
      hash = xxHash64(host.address, this.seed);
      this.hashes.set(host, hash);
    }
    return hash;
  }

  private rebuild(): void {
    this.stale = false;
    const hosts = this.original.levels.flatMap((level) => level.hosts as readonly HostState[]);
    const ranked = hosts.map((host) => ({ host, hash: this.hashOf(host) }));
    ranked.sort((a, b) => a.hash.hi - b.hash.hi || a.hash.lo - b.hash.lo);
    this.members = new Set(ranked.slice(0, this.size).map(({ host }) => host));
    this.chosen.clear();
    for (const host of hosts) if (this.members.has(host)) this.chosen.add(host);
    this.chosen.weighLocalities();
    this.inner.refresh({ kind: "membership" });
  }
}

function isHash(value: unknown): value is Hash64 {
  if (typeof value !== "object" || value === null || !("hi" in value) || !("lo" in value)) return false;
  return [value.hi, value.lo].every((half) => typeof half === "number" && half >>> 0 === half);
}
