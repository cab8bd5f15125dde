/** When to pass changes on. */
export interface DebounceConfig {
  /** Milliseconds without a change after which changes are passed on. Istio's default: 100. */
  readonly quietMs: number;
  /** Milliseconds after the first change when they are passed on in any case. Istio's default: 10,000. */
  readonly maxMs: number;
}

/** Istio's `PILOT_DEBOUNCE_AFTER` and `PILOT_DEBOUNCE_MAX`. */
export const ISTIO_DEBOUNCE: DebounceConfig = { quietMs: 100, maxMs: 10_000 };

/** Changes that wait. */
export interface Debounce {
  /** When the first of them came; absent when nothing waits. */
  readonly since?: number;
  /** When they are to be passed on. */
  readonly due?: number;
}

/** Nothing waits. */
export const QUIET: Debounce = {};

/** Books a change at `now`, in monotonic milliseconds. */
export function noteChange({ since }: Debounce, { quietMs, maxMs }: DebounceConfig, now: number): Debounce {
  const first = since ?? now;
  return { since: first, due: Math.min(now + quietMs, first + maxMs) };
}
