import { ACCRUAL_START, type AccrualEvent, accrualBackoffMs, accrue, type FailureAccrual } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";

const never = (): number => 0;

function through(events: readonly AccrualEvent[], now: number, from: FailureAccrual = ACCRUAL_START): FailureAccrual {
  return events.reduce<FailureAccrual>((state, event) => accrue(state, event, now, {}, never), from);
}

describe("Linkerd's circuit breaker of §5.2", () => {
  test("seven failures in a row shut it for a second; any success begins anew", () => {
    const seven = Array.from({ length: 7 }, () => "failure" as const);
    expect(through(seven, 0)).toEqual({ kind: "shut", untilMs: 1000, attempt: 0 });
    expect(through([...seven.slice(1), "success", ...seven.slice(1)], 0)).toEqual({ kind: "open", failures: 6 });
  });

  test("the wait doubles from one second to sixty, and half of it may be added, but never beyond", () => {
    const waits = (random: () => number): number[] =>
      Array.from({ length: 8 }, (_, attempt) => accrualBackoffMs(attempt, {}, random) / 1000);
    expect(waits(never)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    expect(waits(() => 1)).toEqual([1.5, 3, 6, 12, 24, 48, 60, 60]);
    expect(accrualBackoffMs(1e9, {}, never)).toBe(60_000);
  });

  test("one request decides: it opens the circuit, or shuts it for longer", () => {
    const shut: FailureAccrual = { kind: "shut", untilMs: 1000, attempt: 0 };
    expect(through(["tick"], 999, shut)).toBe(shut);
    // What was under way when it shut says nothing.
    expect(through(["success", "failure"], 2000, shut)).toBe(shut);
    const probation = through(["tick"], 1000, shut);
    expect(probation).toEqual({ kind: "probation", attempt: 0 });
    expect(through(["tick"], 9000, probation)).toBe(probation);
    expect(through(["failure"], 5000, probation)).toEqual({ kind: "shut", untilMs: 7000, attempt: 1 });
    expect(through(["success"], 5000, probation)).toEqual({ kind: "open", failures: 0 });
  });

  test("a source of chance that gives no number, or a negative one, adds nothing", () => {
    for (const drawn of [Number.NaN, -1]) expect(accrualBackoffMs(0, {}, () => drawn)).toBe(1000);
  });
});
