import type { OutlierDetectionOptions } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { directed } from "./directed.js";

/** A detector as of gRFC A50, whose figures are small enough to be reached. */
const a50 = (options: OutlierDetectionOptions = {}) => ({
  outlierDetection: {
    mode: "grpc",
    successRateRequestVolume: 10,
    failurePercentageRequestVolume: 10,
    ...options,
  } as const,
});

/** Sends ten requests to every host, all failing for those of the first so many. */
function round(rig: ReturnType<typeof directed>, hosts: number, failing: number): void {
  for (let host = 0; host < hosts; host++) rig.send(host, host < failing ? 503 : 200, 10);
}

/** Numbers of the hosts that are out. */
function out(rig: ReturnType<typeof directed>, hosts: number): number[] {
  return Array.from({ length: hosts }, (_, host) => host).filter((host) => (rig.flags(host) & 0x2) !== 0);
}

describe("gRFC A50", () => {
  test("knows no failures in a row, and acts on the sweep only", () => {
    const rig = directed(1, a50());
    rig.send(0, 500, 1000);
    rig.send(0, { result: "connect-failed" }, 1000);
    expect(rig.flags(0)).toBe(0);
    expect(rig.stat("ejections_detected_consecutive_5xx")).toBe(0);
  });

  test("the cap is asked before the ejection: one host may go at any size, and the one that reaches it too", () => {
    // One of five at 0 %: mean 80, deviation 40, line 4. Default cap: 10 %.
    const five = directed(5, a50());
    round(five, 5, 1);
    five.tick(10_000);
    expect(out(five, 5)).toEqual([0]);
    // 25 % of ten: two are 20 %, below it, so a third may go; three are 30 %.
    const ten = directed(10, a50({ maxEjectionPercent: 25, enforcingSuccessRate: 0, enforcingFailurePercentage: 100 }));
    round(ten, 10, 6);
    ten.tick(10_000);
    expect(out(ten, 10)).toEqual([0, 1, 2]);
    expect(ten.stat("ejections_overflow")).toBe(3);
  });

  test("failures are too many above the threshold, not at it", () => {
    const options = a50({ failurePercentageThreshold: 50, enforcingFailurePercentage: 100, enforcingSuccessRate: 0 });
    const rig = directed(5, options);
    for (let host = 1; host < 5; host++) rig.send(host, 200, 10);
    rig.send(0, 500, 5);
    rig.send(0, 200, 5);
    rig.tick(10_000);
    expect(out(rig, 5)).toEqual([]);
    for (let host = 1; host < 5; host++) rig.send(host, 200, 10);
    rig.send(0, 500, 6);
    rig.send(0, 200, 4);
    rig.tick(10_000);
    expect(out(rig, 5)).toEqual([0]);
  });

  test("a host is back when its time is over, not when it is just served", () => {
    const rig = directed(5, a50());
    round(rig, 5, 1);
    rig.tick(10_000);
    rig.tick(10_000);
    rig.tick(10_000);
    rig.tick(10_000);
    // Thirty seconds to the millisecond, and "after" is what A50 says.
    expect(out(rig, 5)).toEqual([0]);
    rig.tick(10_000);
    expect(out(rig, 5)).toEqual([]);
  });

  test("the multiplier grows with each ejection and shrinks with each sweep that leaves the host in", () => {
    const rig = directed(5, a50({ baseEjectionTimeMs: 5000 }));
    const backoff = (): number | undefined => rig.cluster.outliers().hosts["0:1"]?.backoff;
    round(rig, 5, 1);
    rig.tick(10_000);
    expect(backoff()).toBe(1);
    rig.tick(10_000);
    // Back, and the sweep that brought it back takes nothing off.
    expect([out(rig, 5), backoff()]).toEqual([[], 1]);
    round(rig, 5, 1);
    rig.tick(10_000);
    expect([out(rig, 5), backoff()]).toEqual([[0], 2]);
    rig.tick(10_001);
    expect([out(rig, 5), backoff()]).toEqual([[], 2]);
    rig.tick(10_000);
    rig.tick(10_000);
    rig.tick(10_000);
    expect(backoff()).toBe(0);
  });

  test("a host that both measures find is ejected once", () => {
    const rig = directed(5, a50({ enforcingFailurePercentage: 100 }));
    round(rig, 5, 1);
    rig.tick(10_000);
    expect(rig.stat("ejections_detected_success_rate")).toBe(1);
    expect(rig.stat("ejections_detected_failure_percentage")).toBe(1);
    expect(rig.stat("ejections_enforced_total")).toBe(1);
    expect(rig.cluster.outliers().hosts["0:1"]).toMatchObject({ numEjections: 1, backoff: 1 });
  });
});
