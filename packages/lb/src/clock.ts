/** A monotonic time source. Milliseconds; the zero point is arbitrary. */
export interface Clock {
  /** The current instant in monotonic milliseconds. */
  now(): number;
}

/** A {@link Clock} that can also call back later. */
export interface Scheduler extends Clock {
  /** Calls `task` once, `delayMs` milliseconds from now; disposing the handle cancels. */
  after(delayMs: number, task: () => void): Disposable;
}

/** A uniform random number in `[0, 1)`. */
export type Random = () => number;

/** A uniform integer in `[0, n)`; `n` at most 2^32. A source that gives NaN or 1 gives 0 here, not a place outside. */
export function below(random: Random, n: number): number {
  const drawn = (random() * n) >>> 0;
  return drawn < n ? drawn : 0;
}
