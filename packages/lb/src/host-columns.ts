/**
 * What a pick reads of hosts, side by side: with ten thousand hosts the objects do not fit into a processor's nearer
 * caches, a few numbers of each do. A host owns a slot for as long as it is listed or has requests in flight.
 */
export class HostColumns {
  /** Requests in flight, by slot. Slot 0 belongs to nobody and stays 0. */
  active: Int32Array = new Int32Array(16);
  /**
   * Response time estimate in milliseconds and the time of its last value, at twice the slot and after it; NaN while
   * nothing is known.
   */
  latency: Float64Array = new Float64Array(32).fill(Number.NaN);
  private readonly free: number[] = [];
  private used = 1;

  /** A slot that nobody has. */
  take(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot >= this.active.length) this.grow();
    return slot;
  }

  /** Clears a slot and gives it back. */
  give(slot: number): void {
    this.active[slot] = 0;
    this.latency.fill(Number.NaN, 2 * slot, 2 * slot + 2);
    this.free.push(slot);
  }

  private grow(): void {
    const { active, latency } = this;
    this.active = new Int32Array(2 * active.length);
    this.active.set(active);
    this.latency = new Float64Array(2 * latency.length).fill(Number.NaN);
    this.latency.set(latency);
  }
}
