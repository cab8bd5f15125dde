import type { Random, Scheduler } from "../clock.js";

/** The longest delay that a timer of Node keeps; a longer one would fire at once. */
const MAX_DELAY_MS = 0x7fff_ffff;

/** The system's time of day and timers. Its timers do not keep the process alive. */
export const systemScheduler: Scheduler = {
  now: () => Date.now(),
  after(delayMs, task) {
    let left = Math.max(0, delayMs);
    let timer: NodeJS.Timeout | undefined;
    const arm = (): void => {
      const step = Math.min(left, MAX_DELAY_MS);
      left -= step;
      timer = setTimeout(() => (left > 0 ? arm() : task()), step);
      timer.unref();
    };
    arm();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = () => Math.random();
