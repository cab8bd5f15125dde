/**
 * Time and chance under control, for tests of code that uses this package.
 *
 * @packageDocumentation
 */
import type { Random, Scheduler } from "./clock.js";

/** A {@link Scheduler} whose time stands still until {@link ManualScheduler.advance} moves it. */
export interface ManualScheduler extends Scheduler {
  /** Moves time forward by `ms` and runs what comes due on the way, in order of time, then of request. */
  advance(ms: number): void;
}

/** Makes a scheduler that starts at `start` milliseconds. Default: 0. */
export function manualScheduler(start = 0): ManualScheduler {
  let now = start;
  let requested = 0;
  const tasks = new Set<{ readonly at: number; readonly order: number; readonly run: () => void }>();
  const firstUntil = (end: number) => {
    let first: { readonly at: number; readonly order: number; readonly run: () => void } | undefined;
    for (const task of tasks) {
      if (task.at > end) continue;
      if (!first || task.at < first.at || (task.at === first.at && task.order < first.order)) first = task;
    }
    return first;
  };
  return {
    now: () => now,
    after(delayMs, run) {
      const task = { at: now + Math.max(0, delayMs), order: requested++, run };
      tasks.add(task);
      return { [Symbol.dispose]: () => void tasks.delete(task) };
    },
    advance(ms) {
      const end = now + ms;
      for (let task = firstUntil(end); task; task = firstUntil(end)) {
        tasks.delete(task);
        now = Math.max(now, task.at);
        task.run();
      }
      now = end;
    },
  };
}

/**
 * A repeatable random source: a 32-bit state that grows by 0x6d2b79f5 and is mixed by two multiplications
 * (mulberry32), so that expected sequences can be written down in tests.
 *
 * @param seed - Any integer; its lower 32 bits count.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
