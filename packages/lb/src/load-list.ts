import { HostColumns } from "./host-columns.js";
import type { HostState } from "./host-state.js";

/** A list of hosts whose load is read without going through the hosts themselves. */
export class LoadList {
  hosts: readonly HostState[] = [];
  /** The hosts' slots, in their order. */
  slots: Int32Array = new Int32Array(0);
  /** The hosts' weights, or nothing if they are equal. */
  weights: Float64Array | undefined;
  columns: HostColumns = new HostColumns();

  use(hosts: readonly HostState[]): void {
    const { length } = hosts;
    const first = hosts[0];
    this.hosts = hosts;
    if (this.slots.length !== length) this.slots = new Int32Array(length);
    this.weights = undefined;
    // One cluster, one set of columns.
    if (first !== undefined) this.columns = first.columns;
    let equal = true;
    for (let index = 0; index < length; index++) {
      const host = hosts[index] as HostState;
      this.slots[index] = host.slot;
      if (host.weight !== first?.weight) equal = false;
    }
    if (!equal) this.weights = Float64Array.from(hosts, (host) => host.weight);
  }

  /** Requests in flight at the host with this index. */
  active(index: number): number {
    return this.columns.active[this.slots[index] as number] as number;
  }
}
