/** What an {@link Ewma} holds. */
export interface EwmaSnapshot {
  /** The estimate in milliseconds, at the time of the last value. */
  readonly estimate: number;
  /** Monotonic milliseconds of the last value. */
  readonly updatedAt: number;
}

/** A moving average of response times that jumps up at once and comes down slowly. */
export interface Ewma {
  /**
   * Adds a response time in milliseconds.
   *
   * @param now - Earlier than the last one: the value is dropped.
   */
  add(valueMs: number, now: number): void;
  /** The estimate at `now` in milliseconds, decayed towards 0 since the last value; changes nothing. */
  valueAt(now: number): number;
  /** Estimate and time of the last value. */
  snapshot(): EwmaSnapshot;
  /** Takes over what {@link Ewma.snapshot} gave; anything else is left out. */
  restore(state: Readonly<Record<string, unknown>>): void;
}

/**
 * A peak-sensitive exponentially weighted moving average: a slower response than expected counts in full at once, a
 * quicker one by how much time has passed.
 *
 * @param decayMs - Time in which the weight of the past falls to 1/e.
 * @param initialMs - Estimate before the first value.
 * @see https://linkerd.io/2016/03/16/beyond-round-robin-load-balancing-for-latency/
 */
export function createEwma(decayMs: number, initialMs: number, start: number): Ewma {
  return new PeakEwma(decayMs, initialMs, start);
}

class PeakEwma implements Ewma {
  private readonly decayMs: number;
  private estimate: number;
  private updatedAt: number;

  constructor(decayMs: number, initialMs: number, start: number) {
    this.decayMs = decayMs;
    this.estimate = initialMs;
    this.updatedAt = start;
  }

  add(valueMs: number, now: number): void {
    if (now < this.updatedAt) return;
    this.estimate = peakAverage(this.estimate, valueMs, remaining(this.updatedAt, now, this.decayMs));
    this.updatedAt = now;
  }

  valueAt(now: number): number {
    return this.estimate * remaining(this.updatedAt, now, this.decayMs);
  }

  snapshot(): EwmaSnapshot {
    return { estimate: this.estimate, updatedAt: this.updatedAt };
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    const { estimate, updatedAt } = state;
    if (typeof estimate !== "number" || !(estimate >= 0)) return;
    if (typeof updatedAt !== "number" || !Number.isFinite(updatedAt)) return;
    this.estimate = estimate;
    this.updatedAt = updatedAt;
  }
}

/** How much of an estimate is left at `now`, 0–1. */
export function remaining(updatedAt: number, now: number, decayMs: number): number {
  return now > updatedAt ? Math.exp((updatedAt - now) / decayMs) : 1;
}

/** The estimate after another value, if `share` of the last one is left. */
export function peakAverage(estimate: number, valueMs: number, share: number): number {
  const present = estimate * share;
  return valueMs > present ? valueMs : present + valueMs * (1 - share);
}
