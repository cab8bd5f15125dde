import type { Trace } from "./explain.js";
import type { Host, JsonValue } from "./host.js";
import type { HostState } from "./host-state.js";
import type { PickContext } from "./pick.js";
import type { BalancerEnv, HostsChange } from "./policy.js";
import { keysText, type SubsetCriteria, subsetText } from "./subset-criteria.js";
import type { SubsetOptions, SubsetSelector } from "./subset-options.js";
import type { SubsetPool } from "./subset-pool.js";

interface Selector extends SubsetSelector {
  /** Without repeats, in order. */
  readonly keys: readonly string[];
}

/** A subset made by a selector. */
interface Entry {
  readonly text: string;
  readonly pool: SubsetPool;
  readonly hosts: Set<HostState>;
  readonly single: boolean;
}

/** What chooses within a subset. */
export interface Chooser {
  choose(context: PickContext, trace?: Trace): Host | undefined;
}

/** All subsets of a cluster by name, and which hosts are in which. */
export class SubsetIndex {
  private readonly selectors: readonly Selector[];
  private readonly fallbacks = new Map<string, Selector>();
  private readonly entries = new Map<string, Entry>();
  private readonly byHost = new Map<HostState, Entry[]>();
  private readonly createPool: () => SubsetPool;
  private readonly listAsAny: boolean;
  private readonly env: BalancerEnv;
  private created = 0;
  private removed = 0;

  constructor(options: SubsetOptions, createPool: () => SubsetPool, env: BalancerEnv) {
    const selectors = options.selectors.map((each) => ({ ...each, keys: [...new Set(each.keys)].toSorted() }));
    // With redundant keys the selector with most keys is tried first; among equals the order stays.
    if (options.allowRedundantKeys) selectors.sort((a, b) => b.keys.length - a.keys.length);
    this.selectors = selectors;
    this.listAsAny = options.listAsAny ?? false;
    this.createPool = createPool;
    this.env = env;
    this.collectFallbacks();
  }

  /** Criteria reduced to the keys of the first selector they contain. */
  reduce(criteria: SubsetCriteria): SubsetCriteria {
    const selector = this.selectors.find((each) => criteria.has(each.keys));
    return selector ? criteria.only(selector.keys) : criteria;
  }

  /** The subset with exactly these keys and values, if it has hosts. */
  find(criteria: SubsetCriteria): Chooser | undefined {
    const entry = this.entries.get(criteria.text);
    if (entry === undefined) return undefined;
    return entry.single ? singleHost(entry) : entry.pool;
  }

  /** The selector whose fallback applies to these keys. */
  fallbackOf(criteria: SubsetCriteria): SubsetSelector | undefined {
    return this.fallbacks.get(criteria.keys);
  }

  /** Makes the hosts of one priority, or all, those given. */
  fill(hosts: readonly HostState[], priority: number | undefined): void {
    for (const [host, entries] of this.byHost) {
      if (priority !== undefined && host.priority !== priority) continue;
      for (const entry of entries) entry.hosts.delete(host);
      this.byHost.delete(host);
    }
    for (const host of hosts) this.enter(host);
    for (const entry of this.entries.values()) {
      const members = [...entry.hosts].filter((host) => priority === undefined || host.priority === priority);
      entry.pool.fill(members.toSorted(byOrdinal), priority);
    }
    this.purge();
  }

  /** Takes a host out. */
  remove(host: HostState): void {
    const before = this.byHost.get(host) ?? [];
    this.byHost.delete(host);
    for (const entry of before) {
      entry.hosts.delete(host);
      entry.pool.drop(host);
    }
    this.purge(before);
  }

  /** Puts a host that is new, or whose metadata changed, where it belongs now. */
  reassign(host: HostState): void {
    const before = this.byHost.get(host) ?? [];
    for (const entry of before) entry.hosts.delete(host);
    this.enter(host);
    const after = this.byHost.get(host) ?? [];
    for (const entry of before) if (!after.includes(entry)) entry.pool.drop(host);
    for (const entry of after) entry.pool.ensure(host);
    this.purge(before);
  }

  /** Follows a change of one host. */
  refresh(host: HostState, change: Exclude<HostsChange, { kind: "membership" }>): void {
    for (const pool of this.poolsOf(host)) pool.refresh(change);
  }

  /** All subsets by name. */
  *pools(): Generator<readonly [string, SubsetPool]> {
    for (const { text, pool } of this.entries.values()) yield [text, pool];
  }

  /** The subsets a host is in. */
  poolsOf(host: HostState): readonly SubsetPool[] {
    return (this.byHost.get(host) ?? []).map((entry) => entry.pool);
  }

  /**
   * A selector whose keys are the first keys of an earlier one gets no fallback of its own: Envoy keeps selectors in a
   * tree and only sets the fallback of nodes that are new.
   */
  private collectFallbacks(): void {
    const known = new Set<string>();
    for (const selector of this.selectors) {
      for (let length = 1; length <= selector.keys.length; length++) {
        const path = keysText(selector.keys.slice(0, length));
        if (known.has(path)) continue;
        known.add(path);
        if (length === selector.keys.length) this.fallbacks.set(path, selector);
      }
    }
  }

  private enter(host: HostState): void {
    const entries: Entry[] = [];
    for (const selector of this.selectors) {
      for (const text of subsetsOf(host, selector.keys, this.listAsAny)) {
        const entry = this.entryOf(text, selector.singleHostPerSubset ?? false);
        entry.hosts.add(host);
        if (!entries.includes(entry)) entries.push(entry);
      }
    }
    this.byHost.set(host, entries);
  }

  private entryOf(text: string, single: boolean): Entry {
    let entry = this.entries.get(text);
    if (entry === undefined) {
      entry = { text, pool: this.createPool(), hosts: new Set(), single };
      this.entries.set(text, entry);
      this.created += 1;
    }
    return entry;
  }

  /** Forgets subsets without hosts. There may be more subsets than hosts: after a change of one host, few are asked. */
  private purge(touched: Iterable<Entry> = this.entries.values()): void {
    for (const entry of touched) {
      if (entry.hosts.size > 0 || this.entries.get(entry.text) !== entry) continue;
      this.entries.delete(entry.text);
      this.removed += 1;
    }
    let duplicates = 0;
    if (this.selectors.some((selector) => selector.singleHostPerSubset)) {
      for (const entry of this.entries.values()) if (entry.single) duplicates += Math.max(0, entry.hosts.size - 1);
    }
    this.env.gauge("lb_subsets_active", this.entries.size);
    this.env.gauge("lb_subsets_created", this.created);
    this.env.gauge("lb_subsets_removed", this.removed);
    this.env.gauge("lb_subsets_single_host_per_subset_duplicate", duplicates);
  }
}

/** Names of the subsets of one selector that a host is in: several if lists stand for their elements. */
function subsetsOf(host: HostState, keys: readonly string[], listAsAny: boolean): readonly string[] {
  let combinations: [string, JsonValue | undefined][][] = [[]];
  for (const key of keys) {
    if (!Object.hasOwn(host.metadata, key)) return [];
    const value = host.metadata[key];
    const values: readonly (JsonValue | undefined)[] = listAsAny && Array.isArray(value) ? value : [value];
    combinations = combinations.flatMap((pairs) =>
      values.map((each) => [...pairs, [key, each] as [string, JsonValue]]),
    );
  }
  return combinations.map(subsetText);
}

function byOrdinal(a: HostState, b: HostState): number {
  return a.priority - b.priority || a.ordinal - b.ordinal;
}

/** The first host of the lowest priority, whatever its health. */
function singleHost(entry: Entry): Chooser {
  return { choose: () => [...entry.hosts].toSorted(byOrdinal)[0] };
}
