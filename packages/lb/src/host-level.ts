import type { Locality } from "./host.js";
import { type HostState, healthClass, isExcluded } from "./host-state.js";
import { positionOf } from "./listed.js";
import { compareLocalities, localityKey } from "./locality.js";
import type { HostSet, LocalityHosts } from "./priority-set.js";

/** Hosts by health class. Every list is ordered by ordinal, so one host moves without touching the others. */
export class HostPartition implements LocalityHosts {
  readonly locality: Locality;
  readonly hosts: HostState[] = [];
  readonly healthy: HostState[] = [];
  readonly degraded: HostState[] = [];
  weight: number;
  excluded = 0;

  constructor(locality: Locality, weight: number) {
    this.locality = locality;
    this.weight = weight;
  }

  /** Puts the host at its place; appending costs nothing extra. */
  add(host: HostState): void {
    insertOrdered(this.hosts, host);
    const list = this.listOf(host.listedFlags);
    if (list) insertOrdered(list, host);
    if (isExcluded(host.listedFlags)) this.excluded += 1;
  }

  /** Takes the host out. */
  remove(host: HostState): void {
    removeOrdered(this.hosts, host);
    const list = this.listOf(host.listedFlags);
    if (list) removeOrdered(list, host);
    if (isExcluded(host.listedFlags)) this.excluded -= 1;
  }

  /** Moves the host to the class of the flags it is now listed by. */
  reclassify(host: HostState, oldFlags: number): void {
    const from = this.listOf(oldFlags);
    const to = this.listOf(host.listedFlags);
    if (from !== to) {
      if (from) removeOrdered(from, host);
      if (to) insertOrdered(to, host);
    }
    this.excluded += Number(isExcluded(host.listedFlags)) - Number(isExcluded(oldFlags));
  }

  private listOf(flags: number): HostState[] | undefined {
    switch (healthClass(flags)) {
      case "healthy":
        return this.healthy;
      case "degraded":
        return this.degraded;
      case "unhealthy":
        return undefined;
    }
  }
}

/** The hosts of one priority, as a whole and by locality. */
export class HostLevel implements HostSet {
  readonly localities: HostPartition[] = [];
  readonly hasLocalityWeights: boolean;
  private readonly whole = new HostPartition({}, 0);
  private readonly byLocality = new Map<string, HostPartition>();
  private readonly own: string | undefined;

  /** @param own - The locality to list first, wherever it sorts. */
  constructor(own?: Locality, hasLocalityWeights = true) {
    this.own = own && localityKey(own);
    this.hasLocalityWeights = hasLocalityWeights;
  }

  get hosts(): HostState[] {
    return this.whole.hosts;
  }
  get healthy(): HostState[] {
    return this.whole.healthy;
  }
  get degraded(): HostState[] {
    return this.whole.degraded;
  }
  get excluded(): number {
    return this.whole.excluded;
  }

  /** Sets the weight of a locality; it is listed once it has hosts. */
  setLocalityWeight(locality: Locality, weight: number): void {
    this.partition(locality).weight = weight;
  }

  add(host: HostState): void {
    this.whole.add(host);
    const partition = this.partition(host.locality);
    if (partition.hosts.length === 0) this.list(partition);
    partition.add(host);
  }

  remove(host: HostState): void {
    this.whole.remove(host);
    const partition = this.partition(host.locality);
    partition.remove(host);
    if (partition.hosts.length === 0) this.localities.splice(this.localities.indexOf(partition), 1);
  }

  reclassify(host: HostState, oldFlags: number): void {
    this.whole.reclassify(host, oldFlags);
    this.partition(host.locality).reclassify(host, oldFlags);
  }

  private partition(locality: Locality): HostPartition {
    const key = localityKey(locality);
    let partition = this.byLocality.get(key);
    if (!partition) {
      partition = new HostPartition(locality, 0);
      this.byLocality.set(key, partition);
    }
    return partition;
  }

  private list(partition: HostPartition): void {
    const rank = (candidate: HostPartition): number => (localityKey(candidate.locality) === this.own ? 0 : 1);
    const position = this.localities.findIndex(
      (other) =>
        rank(partition) < rank(other) ||
        (rank(partition) === rank(other) && compareLocalities(partition.locality, other.locality) < 0),
    );
    this.localities.splice(position < 0 ? this.localities.length : position, 0, partition);
  }
}

function insertOrdered(list: HostState[], host: HostState): void {
  list.splice(positionOf(list, host.ordinal), 0, host);
}

function removeOrdered(list: HostState[], host: HostState): void {
  const position = positionOf(list, host.ordinal);
  if (list[position] === host) list.splice(position, 1);
}
