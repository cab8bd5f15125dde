import type { Clock, Scheduler } from "../clock.js";

/** The monotonic clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
};

/** Timers of this process; they do not keep it alive. */
export const systemScheduler: Scheduler = {
  now: systemClock.now,
  after(delayMs, task) {
    // Longer delays overflow Node's 32-bit timer and would fire at once.
    const timer = setTimeout(task, Math.min(Math.max(0, delayMs), 2 ** 31 - 1));
    timer.unref();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** The part of a cluster that wants to be called again. */
export interface Ticking {
  /** When there is something to do next; Infinity if never. */
  readonly nextTickAt: number;
  /** Does what is due. */
  tick(now?: number): void;
}

/** How often a driver looks for work when nothing is due, so that work which appears later is found. */
const IDLE_CHECK_MS = 1000;

/**
 * Calls `tick` whenever it is due, and looks once a second whether there is something, until disposed. What `tick`
 * throws comes out of the timer, and ticking goes on.
 *
 * @param scheduler - Default: timers of this process, which do not keep it alive.
 */
export function drive(target: Ticking, scheduler: Scheduler = systemScheduler): Disposable {
  let timer: Disposable | undefined;
  let disposed = false;
  const arm = (): void => {
    if (disposed) return;
    const delay = Math.min(target.nextTickAt - scheduler.now(), IDLE_CHECK_MS);
    timer = scheduler.after(Math.max(0, delay), () => {
      try {
        target.tick(scheduler.now());
      } finally {
        // Whatever a handler of events throws, time goes on.
        arm();
      }
    });
  };
  arm();
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}
