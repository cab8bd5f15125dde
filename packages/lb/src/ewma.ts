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
  snapshot(): { readonly estimate: number; readonly updatedAt: number };
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
  let estimate = initialMs;
  let updatedAt = start;
  const remaining = (now: number): number => (now > updatedAt ? Math.exp((updatedAt - now) / decayMs) : 1);
  return {
    add(valueMs, now) {
      if (now < updatedAt) return;
      const share = remaining(now);
      const present = estimate * share;
      estimate = valueMs > present ? valueMs : present + valueMs * (1 - share);
      updatedAt = now;
    },
    valueAt: (now) => estimate * remaining(now),
    snapshot: () => ({ estimate, updatedAt }),
    restore(state) {
      const { estimate: value, updatedAt: at } = state;
      if (typeof value !== "number" || !(value >= 0) || typeof at !== "number" || !Number.isFinite(at)) return;
      estimate = value;
      updatedAt = at;
    },
  };
}
