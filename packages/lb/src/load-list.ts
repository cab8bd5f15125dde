import { HostColumns } from "./host-columns.js";
import type { HostState } from "./host-state.js";
import { positionOf } from "./listed.js";
import { WeightClasses } from "./weight-classes.js";

/** With more changes than this since the last pick, reading the whole list is as quick as following them. */
const MAX_CHANGES = 16;

/**
 * A list of hosts whose load and weight are read without going through the hosts themselves: with ten thousand of them,
 * reading all objects after the change of one costs more than everything else. Columns have the order of the list.
 */
export class LoadList {
  hosts: readonly HostState[] = [];
  /** How many rows the columns have. */
  length = 0;
  /** The hosts' slots. */
  slots: Int32Array = new Int32Array(0);
  /** The hosts' weights. */
  weights: Float64Array = new Float64Array(0);
  /** Which of the hosts weigh alike. */
  readonly classes: WeightClasses = new WeightClasses();
  columns: HostColumns = new HostColumns();
  /** The hosts' ordinals, to find rows of hosts that left the list. */
  private ordinals = new Float64Array(0);
  private readonly weightOf: (host: HostState) => number;
  /** Hosts whose rows are out of date; nothing if all may be. */
  private changed: HostState[] | undefined;

  constructor(weightOf: (host: HostState) => number = (host) => host.weight) {
    this.weightOf = weightOf;
  }

  /** Takes a list. `changed`: which hosts came, went or changed since the last call; any when absent. */
  use(hosts: readonly HostState[], changed?: readonly HostState[]): void {
    this.hosts = hosts;
    const known = this.changed;
    if (changed === undefined || known === undefined || known.length + changed.length > MAX_CHANGES) {
      this.changed = undefined;
    } else {
      known.push(...changed);
    }
  }

  /** Brings the columns up to date with the list; to be called before they are read. */
  settle(): void {
    if (this.changed === undefined || this.classes.weights.length > 2 * this.length + MAX_CHANGES) this.readAll();
    else for (const host of this.changed) this.follow(host);
    this.changed = [];
  }

  /** Whether no host weighs more than another. */
  get hasEqualWeights(): boolean {
    return this.classes.live < 2;
  }

  /** Requests in flight at the host with this index. */
  active(index: number): number {
    return this.columns.active[this.slots[index] as number] as number;
  }

  private readAll(): void {
    const { hosts, weightOf } = this;
    this.length = hosts.length;
    this.reserve(hosts.length);
    // One cluster, one set of columns.
    const first = hosts[0];
    if (first !== undefined) this.columns = first.columns;
    for (let index = 0; index < hosts.length; index++) {
      const host = hosts[index] as HostState;
      this.slots[index] = host.slot;
      this.ordinals[index] = host.ordinal;
      this.weights[index] = weightOf(host);
    }
    this.classes.read(this.weights, this.length);
  }

  /** Brings the host's row up to date: it may have come, gone, or stayed with another weight. */
  private follow(host: HostState): void {
    const index = rowOf(this.ordinals, this.length, host.ordinal);
    const hadRow = index < this.length && this.ordinals[index] === host.ordinal;
    const isListed = this.hosts[positionOf(this.hosts, host.ordinal)] === host;
    if (hadRow && !isListed) {
      this.classes.remove(index);
      this.move(index + 1, index);
    }
    if (!isListed) return;
    const weight = this.weightOf(host);
    if (hadRow) {
      this.classes.change(index, weight);
    } else {
      this.reserve(this.length + 1);
      this.move(index, index + 1);
      this.classes.insert(index, weight);
    }
    this.slots[index] = host.slot;
    this.ordinals[index] = host.ordinal;
    this.weights[index] = weight;
    this.columns = host.columns;
  }

  private move(from: number, to: number): void {
    const { length } = this;
    this.slots.copyWithin(to, from, length);
    this.ordinals.copyWithin(to, from, length);
    this.weights.copyWithin(to, from, length);
    this.length += to - from;
  }

  private reserve(length: number): void {
    if (this.slots.length >= length) return;
    const capacity = length + (length >> 2) + MAX_CHANGES;
    this.slots = enlarged(this.slots, new Int32Array(capacity));
    this.ordinals = enlarged(this.ordinals, new Float64Array(capacity));
    this.weights = enlarged(this.weights, new Float64Array(capacity));
  }
}

function enlarged<T extends Int32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** First row whose ordinal is not below the given one. */
function rowOf(ordinals: Float64Array, length: number, ordinal: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ordinals[middle] as number) < ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}
