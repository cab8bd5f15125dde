import type { Random } from "./clock.js";

/** A circuit breaker for one host in the manner of Linkerd: out after failures in a row, back by way of one request. */
export interface FailureAccrualOptions {
  /** Failures in a row that open the circuit, at least 1. Default: 7. */
  readonly maxFailures?: number;
  /** First wait. Default: 1000. */
  readonly minBackoffMs?: number;
  /** Longest wait. Default: 60000. */
  readonly maxBackoffMs?: number;
  /** Up to this share of the wait is added at random, 0–100. Default: 0.5. */
  readonly jitterRatio?: number;
}

/** The host is in use. */
export interface AccrualOpen {
  /** Tells the states apart. */
  readonly kind: "open";
  /** Failures in a row. */
  readonly failures: number;
}

/** The host is out until an instant. */
export interface AccrualShut {
  /** Tells the states apart. */
  readonly kind: "shut";
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  /** Probes that failed since the circuit opened. */
  readonly attempt: number;
}

/** One request is on its way to find out. */
export interface AccrualProbation {
  /** Tells the states apart. */
  readonly kind: "probation";
  /** Probes that failed since the circuit opened. */
  readonly attempt: number;
}

/** Where a host stands. */
export type FailureAccrual = AccrualOpen | AccrualShut | AccrualProbation;

/** Something that happens to the host. */
export type AccrualEvent = "success" | "failure" | "tick";

/** A host in use, without failures. */
export const ACCRUAL_START: FailureAccrual = { kind: "open", failures: 0 };

/**
 * The wait before the n-th probe, counted from 0: it doubles up to the longest, and jitter never exceeds that either.
 */
export function accrualBackoffMs(attempt: number, options: FailureAccrualOptions, random: Random): number {
  const min = options.minBackoffMs ?? 1000;
  const max = options.maxBackoffMs ?? 60_000;
  const base = Math.min(min * 2 ** Math.min(attempt, 64), max);
  // A source that gives NaN must not shut a host for ever.
  const jitter = Math.max(0, random() || 0) * base * (options.jitterRatio ?? 0.5);
  return Math.min(base + jitter, max);
}

/**
 * What an event makes of the state. A tick after the wait turns a shut circuit into probation, which lets one request
 * through; that request's outcome opens it or shuts it for longer.
 *
 * @see https://linkerd.io/2/tasks/circuit-breakers/
 */
export function accrue(
  state: FailureAccrual,
  event: AccrualEvent,
  now: number,
  options: FailureAccrualOptions,
  random: Random,
): FailureAccrual {
  const shut = (attempt: number): FailureAccrual => ({
    kind: "shut",
    untilMs: now + accrualBackoffMs(attempt, options, random),
    attempt,
  });
  switch (state.kind) {
    case "open": {
      if (event === "tick") return state;
      if (event === "success") return ACCRUAL_START;
      const failures = state.failures + 1;
      return failures >= (options.maxFailures ?? 7) ? shut(0) : { kind: "open", failures };
    }
    case "shut":
      return event === "tick" && now >= state.untilMs ? { kind: "probation", attempt: state.attempt } : state;
    case "probation":
      if (event === "tick") return state;
      return event === "success" ? ACCRUAL_START : shut(state.attempt + 1);
  }
}
