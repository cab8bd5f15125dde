import type { HostChange, HostDelta } from "./cluster-options.js";
import { type EndpointGroup, HostFlag, type HostHealthCheck, type HostOptions, type Locality } from "./host.js";
import { checkDelta, placeKey } from "./host-check.js";
import { HostColumns } from "./host-columns.js";
import { HostLevel } from "./host-level.js";
import { HostState, withEndpointHealth } from "./host-state.js";
import { localityKey } from "./locality.js";
import type { HostsChange } from "./policy.js";
import type { PrioritySet } from "./priority-set.js";
import { equalJson } from "./retry.js";

/** How a {@link HostStore} treats its hosts. */
export interface HostStoreOptions {
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  /** Hosts start unhealthy and unchecked. */
  readonly activeHealthChecks: boolean;
  /** Unchecked hosts are left out of denominators. */
  readonly ignoreNewHostsUntilFirstCheck: boolean;
  /** Hosts that discovery drops go even while their check passes. */
  readonly ignoreHealthOnHostRemoval: boolean;
  /** Locality to list first. */
  readonly ownLocality?: Locality;
}

/** The hosts of a cluster and the lists balancers read. Lists change only through this class. */
export class HostStore implements PrioritySet {
  readonly overprovisioningFactor: number;
  readonly weightedPriorityHealth: boolean;
  levels: HostLevel[] = [];
  version = 0;
  readonly columns: HostColumns = new HostColumns();
  private readonly options: HostStoreOptions;
  private readonly byAddress = new Map<string, HostState>();
  /** Sums of host weights by locality and priority: adding one host to thousands need not add up all of them. */
  private readonly weightSums = new Map<string, number>();
  private readonly notify: (change: HostsChange) => void;
  private readonly onRemove: (host: HostState) => void;
  private nextOrdinal = 0;

  constructor(options: HostStoreOptions, notify: (change: HostsChange) => void, onRemove: (host: HostState) => void) {
    this.options = options;
    this.overprovisioningFactor = options.overprovisioningFactor;
    this.weightedPriorityHealth = options.weightedPriorityHealth;
    this.notify = notify;
    this.onRemove = onRemove;
  }

  get(address: string): HostState | undefined {
    return this.byAddress.get(address);
  }

  get size(): number {
    return this.byAddress.size;
  }

  /** How many hosts are in a class. */
  count(health: "healthy" | "degraded"): number {
    return this.levels.reduce((sum, level) => sum + level[health].length, 0);
  }

  all(): IterableIterator<HostState> {
    return this.byAddress.values();
  }

  /** Changes flags and moves the host to the lists of its new class. */
  setFlags(host: HostState, flags: number): void {
    if (host.flags === flags) return;
    host.flags = flags;
    this.list(host);
  }

  /** Changes a weight; {@link HostStore.announce} makes it count. */
  weigh(host: HostState, weight: number): void {
    this.countWeight(host, weight - host.weight);
    host.weight = weight;
  }

  /** Puts a host whose flags were changed into the lists they stand for. */
  list(host: HostState): void {
    const oldFlags = host.listedFlags;
    if (oldFlags === host.flags || this.byAddress.get(host.address) !== host) return;
    host.listedFlags = host.flags;
    this.levels[host.priority]?.reclassify(host, oldFlags);
    this.changed({ kind: "health", host, oldFlags });
  }

  /** Says that hosts of these changed weight or metadata. */
  announce(host: HostState, kind: "weight" | "metadata"): void {
    this.changed({ kind, host });
  }

  /**
   * Checks a delta as a whole, so that nothing of it is applied if some of it cannot be.
   *
   * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every problem found.
   */
  check(delta: HostDelta): void {
    checkDelta(delta, { weightSums: this.weightSums, levels: this.levels, get: (address) => this.get(address) });
  }

  /** Appends groups that were checked; addresses that are there already stay as they are. */
  add(groups: readonly EndpointGroup[], now: number): void {
    const touched = new Map<number, HostState[]>();
    for (const group of groups) {
      const priority = group.priority ?? 0;
      const level = this.level(priority);
      const locality = group.locality ?? {};
      if (group.weight !== undefined) level.setLocalityWeight(locality, group.weight);
      const added = touched.get(priority) ?? [];
      touched.set(priority, added);
      for (const entry of group.hosts) {
        const options = typeof entry === "string" ? { address: entry } : entry;
        const known = this.byAddress.get(options.address);
        if (known !== undefined) {
          // It may be one that was only kept because its check passes: now it is wanted again.
          this.setFlags(known, known.flags & ~HostFlag.pendingDynamicRemoval);
          continue;
        }
        const host = this.create(options, locality, priority, now);
        this.insert(host, level);
        added.push(host);
      }
    }
    for (const [priority, hosts] of touched) this.changed({ kind: "membership", priority, hosts });
  }

  /** The host with this address; one that is not there is added to the first priority. */
  discover(address: string, now: number): HostState {
    const known = this.byAddress.get(address);
    if (known !== undefined) return known;
    const host = this.create({ address }, {}, 0, now);
    this.insert(host, this.level(0));
    this.changed({ kind: "membership", priority: 0, hosts: [host] });
    return host;
  }

  /** Takes hosts out, except those that an active check still finds healthy. */
  remove(addresses: Iterable<string>): void {
    for (const address of addresses) {
      const host = this.byAddress.get(address);
      if (host !== undefined && !this.isKept(host)) this.drop(host);
    }
  }

  /** Takes a host out whatever its checks say. */
  drop(host: HostState): void {
    // Requests outlive their host, and what they report comes after another one has its address.
    if (this.byAddress.get(host.address) !== host) return;
    this.forget(host);
    this.byAddress.delete(host.address);
    this.levels[host.priority]?.remove(host);
    this.countWeight(host, -host.weight);
    this.changed({ kind: "membership", priority: host.priority, hosts: [host] });
  }

  /**
   * Makes the hosts those of `groups`, which were checked, in that order if anything else is new as well. Hosts with a
   * known address stay the same object with everything learnt about them. Returns the changes of single hosts when
   * nobody came, went or moved; nothing otherwise.
   */
  replace(groups: readonly EndpointGroup[], now: number): HostDelta["change"] {
    const changes = this.changesOnly(groups);
    if (changes !== undefined) return changes;
    const before = new Map(this.byAddress);
    this.byAddress.clear();
    this.weightSums.clear();
    this.levels = [];
    this.nextOrdinal = 0;
    for (const group of groups) {
      const priority = group.priority ?? 0;
      const level = this.level(priority);
      const locality = group.locality ?? {};
      level.setLocalityWeight(locality, group.weight ?? 0);
      for (const entry of group.hosts) {
        const options = typeof entry === "string" ? { address: entry } : entry;
        if (this.byAddress.has(options.address)) continue;
        const previous = before.get(options.address);
        before.delete(options.address);
        // What checks found elsewhere says nothing: as in Envoy, a host that is checked differently is another one.
        const known = previous && checkedAlike(previous.healthCheck, options.healthCheck) ? previous : undefined;
        if (previous !== undefined && known === undefined) this.forget(previous);
        const host = known ?? this.create(options, locality, priority, now);
        if (known) adopt(known, options, locality, priority);
        this.insert(host, level);
      }
    }
    for (const host of before.values()) {
      if (this.isKept(host)) this.insert(host, this.level(host.priority));
      else this.forget(host);
    }
    this.changed({ kind: "membership" });
    return undefined;
  }

  /**
   * A host that discovery dropped stays while its active check passes and discovery did not call it unhealthy before;
   * the flag marks it for later.
   */
  private isKept(host: HostState): boolean {
    const { activeHealthChecks, ignoreHealthOnHostRemoval } = this.options;
    const checked = activeHealthChecks && !host.healthCheck?.disabled;
    const isFailed = (host.flags & (HostFlag.failedActiveHealthCheck | HostFlag.failedEdsHealth)) !== 0;
    const kept = checked && !ignoreHealthOnHostRemoval && !isFailed;
    if (kept) host.flags |= HostFlag.pendingDynamicRemoval;
    return kept;
  }

  private forget(host: HostState): void {
    this.onRemove(host);
    host.retire();
  }

  private create(options: HostOptions, locality: Locality, priority: number, now: number): HostState {
    const host = new HostState(options, locality, priority, now, this.columns);
    const { activeHealthChecks, ignoreNewHostsUntilFirstCheck } = this.options;
    if (!activeHealthChecks || host.healthCheck?.disabled) return host;
    host.flags |= HostFlag.failedActiveHealthCheck;
    if (ignoreNewHostsUntilFirstCheck) host.flags |= HostFlag.pendingActiveHealthCheck;
    return host;
  }

  private insert(host: HostState, level: HostLevel): void {
    host.ordinal = this.nextOrdinal++;
    host.listedFlags = host.flags;
    this.byAddress.set(host.address, host);
    level.add(host);
    this.countWeight(host, host.weight);
  }

  private countWeight(host: HostState, by: number): void {
    const key = placeKey(host.priority, host.locality);
    this.weightSums.set(key, (this.weightSums.get(key) ?? 0) + by);
  }

  private level(priority: number): HostLevel {
    while (this.levels.length <= priority) this.levels.push(new HostLevel(this.options.ownLocality));
    return this.levels[priority] as HostLevel;
  }

  /** The single-host changes a replacement amounts to, if hosts, order, places and locality weights stay. */
  private changesOnly(groups: readonly EndpointGroup[]): HostDelta["change"] {
    const present = this.byAddress.values();
    const seen = new Set<string>();
    const changes: HostChange[] = [];
    let inOrder = true;
    for (const group of groups) {
      if (group.hosts.length === 0) continue;
      const key = localityKey(group.locality ?? {});
      const partition = this.levels[group.priority ?? 0]?.localities.find(
        (entry) => localityKey(entry.locality) === key,
      );
      if (partition === undefined || partition.weight !== (group.weight ?? 0)) return undefined;
      for (const entry of group.hosts) {
        const options: HostOptions = typeof entry === "string" ? { address: entry } : entry;
        if (seen.has(options.address)) continue;
        seen.add(options.address);
        inOrder &&= present.next().value?.address === options.address;
        const host = this.byAddress.get(options.address);
        if (host === undefined || host.priority !== (group.priority ?? 0)) return undefined;
        if (localityKey(host.locality) !== key || host.flags & HostFlag.pendingDynamicRemoval) return undefined;
        if (!checkedAlike(host.healthCheck, options.healthCheck)) return undefined;
        changes.push({
          address: host.address,
          weight: options.weight ?? 1,
          health: options.health ?? "UNKNOWN",
          metadata: options.metadata ?? {},
        });
      }
    }
    if (seen.size !== this.byAddress.size) return undefined;
    if (inOrder) return changes;
    // As in Envoy, another order alone is no reason to begin rotations anew, and does not count.
    return changes.every((change) => this.says(change)) ? [] : undefined;
  }

  /** Whether a change is what a host is already. */
  private says({ address, weight, health, metadata }: HostChange): boolean {
    const host = this.byAddress.get(address);
    if (host?.weight !== weight || host?.endpointHealth !== health) return false;
    return equalJson(host?.metadata, metadata);
  }

  private changed(change: HostsChange): void {
    this.version += 1;
    this.notify(change);
  }
}

function checkedAlike(a: HostHealthCheck = {}, b: HostHealthCheck = {}): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.hostname === b.hostname &&
    (a.disabled ?? false) === (b.disabled ?? false)
  );
}

function adopt(host: HostState, options: HostOptions, locality: Locality, priority: number): void {
  host.locality = locality;
  host.priority = priority;
  host.weight = options.weight ?? 1;
  host.metadata = options.metadata ?? {};
  host.endpointHealth = options.health ?? "UNKNOWN";
  host.flags = withEndpointHealth(host.flags, host.endpointHealth) & ~HostFlag.pendingDynamicRemoval;
}
