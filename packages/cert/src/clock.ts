/** A source of wall-clock time: milliseconds since 1970 UTC. */
export interface WallClock {
  /** The time of day. */
  now(): number;
}

/** A {@link WallClock} that can also call back later. */
export interface Scheduler extends WallClock {
  /** Calls `task` once, `delayMs` from now, whatever happens to the time of day. Disposing the handle cancels. */
  after(delayMs: number, task: () => void): Disposable;
}

/** A uniform random number in `[0, 1)`. */
export type Random = () => number;
