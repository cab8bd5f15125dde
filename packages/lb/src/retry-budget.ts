import type { ConcurrencyRetryBudget, WindowRetryBudget } from "./circuit-breaker-options.js";

/**
 * Retries that may be in flight: a share of active and pending requests, with a floor.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto
 */
export function retryBudgetLimit(active: number, pending: number, budget: ConcurrencyRetryBudget = {}): number {
  const percent = budget.budgetPercent ?? 20;
  // In Envoy's order, and with its rounding: 29 % of 100 are 28.
  return Math.max(Math.trunc((percent / 100) * (active + pending)), budget.minRetryConcurrency ?? 3);
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
 * floating point: 0.3 gives 3, so one retry for three requests. That is how tower does it, and so does this.
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
  // Tower counts whole seconds here.
  const reserve = minPerSec * Math.trunc(ttlSec) * withdrawAmount;
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

/** Sums what was added within a length of time, to a tenth of it. */
export class SlidingSum {
  private readonly slots = new Float64Array(SLOTS);
  private readonly slotMs: number;
  private slot = 0;
  private slotStart: number;

  /** @param windowMs - Above 0. */
  constructor(windowMs: number, start: number) {
    this.slotMs = windowMs / SLOTS;
    this.slotStart = start;
  }

  /** Adds to the present slot. */
  add(amount: number, now: number): void {
    this.expire(now);
    this.slots[this.slot] = (this.slots[this.slot] as number) + amount;
  }

  /** What was added and has not expired. */
  total(now: number): number {
    this.expire(now);
    let sum = 0;
    for (const amount of this.slots) sum += amount;
    return sum;
  }

  private expire(now: number): void {
    let elapsed = Math.floor((now - this.slotStart) / this.slotMs);
    // A clock that goes back, or gives no number, leaves everything as it is.
    if (!(elapsed > 0)) return;
    this.slotStart += elapsed * this.slotMs;
    for (elapsed = Math.min(elapsed, SLOTS); elapsed > 0; elapsed--) {
      this.slot = (this.slot + 1) % SLOTS;
      this.slots[this.slot] = 0;
    }
  }
}

/** Makes a sliding-window budget with ten slots. */
export function createWindowBudget(options: Omit<WindowRetryBudget, "kind">, start: number): WindowBudget {
  const amounts = windowBudgetAmounts(options);
  const balance = new SlidingSum(amounts.slotSec * SLOTS * 1000, start);
  return {
    deposit: (now) => balance.add(amounts.depositAmount, now),
    withdraw(now) {
      if (amounts.reserve + balance.total(now) < amounts.withdrawAmount) return false;
      balance.add(-amounts.withdrawAmount, now);
      return true;
    },
  };
}
