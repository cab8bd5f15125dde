import type { ConcurrencyRetryBudget, WindowRetryBudget } from "./circuit-breaker-options.js";

/**
 * Retries that may be in flight: a share of active and pending requests, with a floor.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto
 */
export function retryBudgetLimit(active: number, pending: number, budget: ConcurrencyRetryBudget = {}): number {
  const percent = budget.budgetPercent ?? 20;
  // Multiplying before dividing keeps whole percentages exact.
  return Math.max(Math.floor((percent * (active + pending)) / 100), budget.minRetryConcurrency ?? 3);
}

/** Amounts a {@link WindowRetryBudget} works with. */
export interface WindowBudgetAmounts {
  /** What each original request puts in. */
  readonly depositAmount: number;
  /** What each retry takes out. */
  readonly withdrawAmount: number;
  /** What is there without any traffic. */
  readonly reserve: number;
  /** Number of slots of the sliding window. */
  readonly slots: number;
  /** Length of one slot in seconds. */
  readonly slotSec: number;
  /** Retries possible without any traffic in one window. */
  readonly retriesWithNoTraffic: number;
}

const SLOTS = 10;

/**
 * Amounts for a ratio of retries to requests. 1/ratio is truncated to an integer after being computed in 32-bit
 * floating point: 0.1 gives 9, so one retry for nine requests. That is how tower does it, and so does this.
 */
export function windowBudgetAmounts(budget: Omit<WindowRetryBudget, "kind"> = {}): WindowBudgetAmounts {
  const ttlSec = (budget.ttlMs ?? 10_000) / 1000;
  const minPerSec = budget.minPerSec ?? 10;
  const ratio = Math.fround(budget.retryRatio ?? 0.2);
  let depositAmount: number;
  let withdrawAmount: number;
  if (ratio === 0) {
    depositAmount = 0;
    withdrawAmount = 1;
  } else if (ratio <= 1) {
    depositAmount = 1;
    withdrawAmount = Math.trunc(Math.fround(1 / ratio));
  } else {
    depositAmount = 1000;
    withdrawAmount = Math.trunc(Math.fround(1000 / ratio));
  }
  const reserve = Math.trunc(minPerSec * ttlSec) * withdrawAmount;
  return {
    depositAmount,
    withdrawAmount,
    reserve,
    slots: SLOTS,
    slotSec: ttlSec / SLOTS,
    retriesWithNoTraffic: withdrawAmount === 0 ? 0 : Math.floor(reserve / withdrawAmount),
  };
}

/** Allows retries as a share of the original requests of a sliding window. */
export interface WindowBudget {
  /** Counts an original request. */
  deposit(now: number): void;
  /** Takes out one retry; false if the budget is used up. */
  withdraw(now: number): boolean;
}

/** Makes a sliding-window budget with ten slots. */
export function createWindowBudget(options: Omit<WindowRetryBudget, "kind">, start: number): WindowBudget {
  const amounts = windowBudgetAmounts(options);
  const slotMs = amounts.slotSec * 1000;
  const slots = new Float64Array(SLOTS);
  let slot = 0;
  let slotStart = start;

  const expire = (now: number): void => {
    let elapsed = Math.floor((now - slotStart) / slotMs);
    if (elapsed <= 0) return;
    slotStart += elapsed * slotMs;
    for (elapsed = Math.min(elapsed, SLOTS); elapsed > 0; elapsed--) {
      slot = (slot + 1) % SLOTS;
      slots[slot] = 0;
    }
  };

  return {
    deposit(now) {
      expire(now);
      slots[slot] = (slots[slot] as number) + amounts.depositAmount;
    },
    withdraw(now) {
      expire(now);
      let sum = amounts.reserve;
      for (const amount of slots) sum += amount;
      if (sum < amounts.withdrawAmount) return false;
      slots[slot] = (slots[slot] as number) - amounts.withdrawAmount;
      return true;
    },
  };
}
