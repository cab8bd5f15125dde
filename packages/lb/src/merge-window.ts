/**
 * Gathers changes that only touch health, weight or metadata. The first one after a quiet time applies at once; those
 * that follow within the window apply together when it ends.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto#config-cluster-v3-cluster-commonlbconfig
 */
export class MergeWindow {
  /** When gathered changes are due; Infinity if there are none. */
  dueAt: number = Number.POSITIVE_INFINITY;
  private readonly windowMs: number;
  private lastApplied = Number.NEGATIVE_INFINITY;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /** Whether a change that arrives now must wait. */
  mustWait(now: number): boolean {
    if (now - this.lastApplied >= this.windowMs) return false;
    this.dueAt = Math.min(this.dueAt, now + this.windowMs);
    return true;
  }

  /** Notes that everything gathered was applied. */
  applied(now: number): void {
    this.lastApplied = now;
    this.dueAt = Number.POSITIVE_INFINITY;
  }
}
