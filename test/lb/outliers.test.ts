import type { OutlierDetectionOptions } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { directed } from "./directed.js";

const EJECTED = 0x2;
const DEGRADED = 0x400;
/** All may be out, so that the cap is no part of the case. */
const all = (options: OutlierDetectionOptions = {}) => ({ outlierDetection: { maxEjectionPercent: 100, ...options } });

describe("defaults of §2.1 by what they do", () => {
  test("five server errors in a row, enforced", () => {
    const { send, flags, stat } = directed(2, all());
    send(0, 500, 4);
    expect(flags(0)).toBe(0);
    send(0, 500);
    expect(flags(0)).toBe(EJECTED);
    expect(stat("ejections_enforced_consecutive_5xx")).toBe(1);
  });

  test("five gateway failures in a row, counted only", () => {
    const { send, flags, stat } = directed(2, all({ consecutive5xx: 0 }));
    for (const status of [502, 503, 504, 502]) send(0, status);
    expect(stat("ejections_detected_consecutive_gateway_failure")).toBe(0);
    send(0, 503);
    expect(stat("ejections_detected_consecutive_gateway_failure")).toBe(1);
    expect(flags(0)).toBe(0);
  });

  test("five local failures in a row when split, enforced; not counted at all when not", () => {
    const split = directed(2, all({ consecutive5xx: 0, splitExternalLocalOriginErrors: true }));
    split.send(0, { result: "connect-failed" }, 3);
    split.send(0, { result: "timeout" }, 1);
    expect(split.flags(0)).toBe(0);
    split.send(0, { result: "timeout" }, 1);
    expect(split.flags(0)).toBe(EJECTED);
    expect(split.stat("ejections_enforced_consecutive_local_origin_failure")).toBe(1);
    const together = directed(2, all({ consecutive5xx: 0 }));
    together.send(0, { result: "timeout" }, 10);
    expect(together.stat("ejections_detected_consecutive_local_origin_failure")).toBe(0);
  });

  test.each([
    { hosts: 5, volume: 100, found: 1 },
    { hosts: 5, volume: 99, found: 0 },
    { hosts: 4, volume: 100, found: 0 },
  ])("success rate: $hosts hosts with $volume requests find $found outliers", ({ hosts, volume, found }) => {
    // One of five at 0 %: mean 80, deviation 40, line 80 − 1.9 · 40 = 4.
    const { send, tick, stat, cluster, events } = directed(hosts, all({ consecutive5xx: 0 }));
    for (let host = 1; host < hosts; host++) send(host, 200, volume);
    send(0, 500, volume);
    tick(9_999);
    expect(stat("ejections_detected_success_rate")).toBe(0);
    tick(1);
    expect(stat("ejections_enforced_success_rate")).toBe(found);
    expect(stat("ejections_success_rate")).toBe(found);
    expect(cluster.outliers().successRateAverage).toBe(found ? 80 : -1);
    if (found === 0) return;
    expect(cluster.outliers().successRateThreshold).toBeCloseTo(4, 9);
    const [event] = events;
    expect(event).toMatchObject({ action: "EJECT", type: "SUCCESS_RATE", hostSuccessRate: 0 });
    expect(event).toMatchObject({ clusterAverageSuccessRate: 80, numEjections: 1, secsSinceLastAction: -1 });
  });

  test.each([
    { failures: 43, volume: 50, hosts: 5, found: 1 },
    { failures: 42, volume: 50, hosts: 5, found: 0 },
    { failures: 49, volume: 49, hosts: 5, found: 0 },
    { failures: 50, volume: 50, hosts: 4, found: 0 },
  ])("failure percentage: $failures of $volume with $hosts hosts finds $found, counted only", (row) => {
    // 85 % of 50 are 42.5.
    const { send, tick, stat, flags } = directed(row.hosts, all({ consecutive5xx: 0 }));
    for (let host = 1; host < row.hosts; host++) send(host, 200, 50);
    send(0, 500, row.failures);
    send(0, 200, row.volume - row.failures);
    tick(10_000);
    expect(stat("ejections_detected_failure_percentage")).toBe(row.found);
    expect(flags(0)).toBe(0);
  });

  test("the first ejection lasts 30 s, and none longer than 300 s", () => {
    const { send, tick, flags } = directed(1, all());
    const lengths: number[] = [];
    for (let nth = 0; nth < 12; nth++) {
      send(0, 500, 5);
      let seconds = 0;
      while (flags(0) !== 0) {
        tick(10_000);
        seconds += 10;
      }
      lengths.push(seconds);
    }
    expect(lengths).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
  });

  test("a base above 300 s is the longest time as well", () => {
    const { send, tick, flags } = directed(1, all({ baseEjectionTimeMs: 400_000 }));
    send(0, 500, 5);
    tick(399_999);
    expect(flags(0)).toBe(EJECTED);
    tick(10_000);
    expect(flags(0)).toBe(0);
    send(0, 500, 5);
    tick(400_000);
    expect(flags(0)).toBe(0);
  });

  test("a field that is undefined is one left out", () => {
    const options = { consecutive5xx: undefined, maxEjectionPercent: 100 } as unknown as OutlierDetectionOptions;
    const { send, flags } = directed(1, { outlierDetection: options });
    send(0, 500, 5);
    expect(flags(0)).toBe(EJECTED);
  });
});

describe("as real Envoy 1.40 does", () => {
  test("every counter is there from the beginning, the deprecated ones too", () => {
    const { cluster } = directed(1, { outlierDetection: {} });
    const names = Object.keys(cluster.stats()).flatMap((name) => /^outlier_detection\.(.*)$/.exec(name)?.[1] ?? []);
    // What `/stats?filter=outlier` of Envoy 1.40 lists.
    expect(names.sort()).toEqual([
      "ejections_active",
      "ejections_consecutive_5xx",
      "ejections_detected_consecutive_5xx",
      "ejections_detected_consecutive_gateway_failure",
      "ejections_detected_consecutive_local_origin_failure",
      "ejections_detected_degradation",
      "ejections_detected_failure_percentage",
      "ejections_detected_local_origin_failure_percentage",
      "ejections_detected_local_origin_success_rate",
      "ejections_detected_success_rate",
      "ejections_enforced_consecutive_5xx",
      "ejections_enforced_consecutive_gateway_failure",
      "ejections_enforced_consecutive_local_origin_failure",
      "ejections_enforced_failure_percentage",
      "ejections_enforced_local_origin_failure_percentage",
      "ejections_enforced_local_origin_success_rate",
      "ejections_enforced_success_rate",
      "ejections_enforced_total",
      "ejections_overflow",
      "ejections_success_rate",
      "ejections_total",
    ]);
  });

  test("a status of 600 is no server error, and 500 when split is no gateway failure", () => {
    const { send, flags, stat } = directed(2, all({ splitExternalLocalOriginErrors: true }));
    send(0, 600, 20);
    expect(flags(0)).toBe(0);
    send(1, 500, 5);
    expect(stat("ejections_detected_consecutive_gateway_failure")).toBe(0);
    expect(stat("ejections_enforced_consecutive_5xx")).toBe(1);
  });

  describe("x-envoy-degraded", () => {
    const degraded = { result: "response", status: 200, degraded: true } as const;
    const options = all({ detectDegradedHosts: true, intervalMs: 1000, baseEjectionTimeMs: 2000, consecutive5xx: 3 });

    test("marks a host for the time of an ejection, whatever it answers meanwhile", () => {
      const { send, tick, flags, stat, events } = directed(1, options);
      send(0, degraded);
      send(0, degraded, 3);
      send(0, 200);
      expect(flags(0)).toBe(DEGRADED);
      tick(1000);
      expect(flags(0)).toBe(DEGRADED);
      tick(1000);
      expect(flags(0)).toBe(0);
      expect(stat("ejections_detected_degradation")).toBe(1);
      expect(stat("ejections_active")).toBe(0);
      expect(events).toMatchObject([
        { action: "EJECT", type: "DEGRADED", enforced: true, numEjections: 0 },
        { action: "UNEJECT", type: "DEGRADED", numEjections: 0, secsSinceLastAction: 2 },
      ]);
    });

    test("marks again for longer, unless it stayed away for an interval", () => {
      const { send, tick, flags } = directed(1, options);
      send(0, degraded);
      tick(2000);
      send(0, degraded);
      tick(2000);
      expect(flags(0)).toBe(DEGRADED);
      tick(2000);
      expect(flags(0)).toBe(0);
      tick(1000);
      tick(1000);
      send(0, degraded);
      tick(2000);
      expect(flags(0)).toBe(0);
    });

    test("on a failure is only a failure, and an ejected host is marked as well", () => {
      const { send, flags, stat } = directed(1, options);
      send(0, { result: "response", status: 500, degraded: true }, 3);
      expect(flags(0)).toBe(EJECTED);
      expect(stat("ejections_detected_degradation")).toBe(0);
      send(0, degraded);
      expect(flags(0)).toBe(DEGRADED | EJECTED);
      expect(stat("ejections_detected_degradation")).toBe(1);
    });

    test("does not keep an ejection away, and both end together", () => {
      const { send, tick, flags } = directed(1, options);
      send(0, degraded);
      send(0, 503, 3);
      expect(flags(0)).toBe(DEGRADED | EJECTED);
      tick(2000);
      expect(flags(0)).toBe(0);
    });

    test("means nothing without the option", () => {
      const { send, flags } = directed(1, all());
      send(0, degraded);
      expect(flags(0)).toBe(0);
    });
  });
});

describe("wrong order and odd values", () => {
  test("an instant that is no number is never due", () => {
    const { cluster, send, clock, flags } = directed(1, all());
    send(0, 500, 5);
    cluster.tick(Number.NaN);
    expect(cluster.nextTickAt).toBe(10_000);
    clock.advance(30_000);
    cluster.tick();
    expect(flags(0)).toBe(0);
  });

  test("requests that outlive their host eject nobody, also when its address is taken again", () => {
    const { cluster, hold, stat, flags, events } = directed(1, all());
    const late = Array.from({ length: 12 }, () => hold(0));
    cluster.update({ remove: ["0:1"] });
    for (const pick of late.slice(0, 6)) pick.done({ result: "connect-failed" });
    cluster.update({ add: [{ hosts: ["0:1"] }] });
    for (const pick of late.slice(6)) pick.done({ result: "connect-failed" });
    expect(stat("ejections_active")).toBe(0);
    expect(stat("ejections_enforced_total")).toBe(0);
    expect(flags(0)).toBe(0);
    expect(events).toEqual([]);
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a handler that removes the host it hears of leaves nothing behind", () => {
    const rig = directed(2, {
      ...all(),
      onEvent: (event) => rig.cluster.update({ remove: [event.host] }),
    });
    rig.send(0, 500, 5);
    expect(rig.stat("ejections_active")).toBe(0);
    expect(rig.cluster.stats()["membership_total"]).toBe(1);
  });

  test("on probation a failure that the cap does not let eject begins the successes anew", () => {
    const rig = directed(3, {
      outlierDetection: { maxEjectionPercent: 34, probation: { permits: 5, successes: 2 }, consecutive5xx: 2 },
    });
    rig.send(0, 500, 2);
    rig.tick(30_000);
    expect(rig.flags(0)).toBe(0);
    rig.send(1, 500, 2);
    expect(rig.flags(1)).toBe(EJECTED);
    rig.send(0, 200);
    rig.send(0, 500);
    expect(rig.stat("ejections_overflow")).toBe(1);
    rig.send(0, 200);
    // Still on trial: five requests at a time are all it gets.
    const held = Array.from({ length: 5 }, () => rig.hold(0));
    expect(rig.flags(0)).toBe(0x800);
    for (const pick of held) pick.done({ result: "aborted" });
    rig.send(0, 200);
    for (let i = 0; i < 5; i++) rig.hold(0);
    expect(rig.flags(0)).toBe(0);
  });

  test("requests from before the ejection do not end the trial, neither way", () => {
    const rig = directed(2, {
      outlierDetection: { maxEjectionPercent: 100, probation: { permits: 5 }, consecutive5xx: 2 },
    });
    const [good, bad] = [rig.hold(0), rig.hold(0)];
    rig.send(0, 500, 2);
    rig.tick(30_000);
    good.done({ result: "response", status: 200 });
    bad.done({ result: "response", status: 500 });
    expect(rig.flags(0)).toBe(0);
    expect(rig.stat("ejections_enforced_total")).toBe(1);
    const held = Array.from({ length: 5 }, () => rig.hold(0));
    expect(rig.flags(0)).toBe(0x800);
    for (const pick of held) pick.done({ result: "response", status: 200 });
    for (let i = 0; i < 6; i++) rig.hold(0);
    expect(rig.flags(0)).toBe(0);
  });

  test("a handler that reports a failure of its own is not called again for the same ones", () => {
    const rig = directed(3, {
      outlierDetection: { maxEjectionPercent: 100, consecutive5xx: 2, enforcingConsecutive5xx: 0 },
      onEvent: () => rig.send(0, 500),
    });
    rig.send(0, 500, 2);
    // One failure more, and two make an event.
    expect(rig.stat("ejections_detected_consecutive_5xx")).toBe(1);
  });
});

describe("a new configuration takes over", () => {
  const degraded = { result: "response", status: 200, degraded: true } as const;
  const before = all({ detectDegradedHosts: true, consecutive5xx: 7 });

  /** What was learnt, by way of JSON. */
  function passedOn(from: ReturnType<typeof directed>, options: ReturnType<typeof all>) {
    const next = directed(3, options);
    next.clock.advance(from.clock.now());
    next.cluster.restore(JSON.parse(JSON.stringify(from.cluster.snapshot())));
    return next;
  }

  test("marks and ejections, which end when they would have", () => {
    const from = directed(3, before);
    from.clock.advance(1000);
    from.send(0, degraded);
    from.send(1, 500, 7);
    const to = passedOn(from, all({ detectDegradedHosts: true, maxEjectionPercent: 10 }));
    expect([to.flags(0), to.flags(1), to.flags(2)]).toEqual([DEGRADED, EJECTED, 0]);
    expect(to.stat("ejections_active")).toBe(1);
    to.tick(29_999);
    expect([to.flags(0), to.flags(1)]).toEqual([DEGRADED, EJECTED]);
    to.tick(10_000);
    expect([to.flags(0), to.flags(1)]).toEqual([0, 0]);
    expect(to.stat("ejections_active")).toBe(0);
  });

  test("no mark where nobody marks any more", () => {
    const from = directed(3, before);
    from.send(0, degraded);
    expect(passedOn(from, all()).flags(0)).toBe(0);
  });

  test("a lowered threshold, which fires on the next failure", () => {
    const from = directed(3, before);
    from.send(0, 500, 6);
    const to = passedOn(from, all({ consecutive5xx: 5 }));
    expect(to.flags(0)).toBe(0);
    to.send(0, 500);
    expect(to.flags(0)).toBe(EJECTED);
    expect(to.events).toMatchObject([{ action: "EJECT", numEjections: 1, secsSinceLastAction: -1 }]);
  });
});
