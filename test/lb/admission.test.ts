import {
  type CircuitBreakerOptions,
  type HostPick,
  type Outcome,
  omitHostMetadata,
  previousHosts,
  type Resource,
  type RoutingPriority,
  retryBudgetLimit,
  windowBudgetAmounts,
} from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";
import { directed } from "./directed.js";
import { ERROR, HOSTS, OK, picked, setUp } from "./picking.js";

const STAT = "circuit_breakers.default";

function limited(...circuitBreakers: CircuitBreakerOptions[]) {
  return setUp({ hosts: HOSTS, circuitBreakers }).cluster;
}

describe("thresholds of §3.1", () => {
  test.each<[Resource, number, string, string]>([
    ["connection", 1024, "cx_open", "upstream_cx_overflow"],
    ["pending", 1024, "rq_pending_open", "upstream_rq_pending_overflow"],
    // Envoy 1.40 counts these apart from the pending ones.
    ["request", 1024, "rq_open", "upstream_rq_active_overflow"],
    ["retry", 3, "rq_retry_open", "upstream_rq_retry_overflow"],
  ])("%s: %i by default, then the gauge is open and the overflow counted", (resource, max, gauge, overflow) => {
    const cluster = setUp({ hosts: HOSTS }).cluster;
    const permits = Array.from({ length: max }, () => cluster.admit(resource));
    expect(permits.every((permit) => permit !== undefined)).toBe(true);
    expect(cluster.stats()).toMatchObject({ [`${STAT}.${gauge}`]: 1, [`circuit_breakers.high.${gauge}`]: 0 });
    expect(cluster.admit(resource)).toBeUndefined();
    expect(cluster.admit(resource, "HIGH")).toBeDefined();
    expect(cluster.stats()[overflow]).toBe(1);
    permits[0]?.release();
    expect(cluster.stats()[`${STAT}.${gauge}`]).toBe(0);
    permits[0]?.release();
    expect(cluster.admit(resource)).toBeDefined();
    expect(cluster.admit(resource)).toBeUndefined();
  });

  test("connection pools have no limit by default", () => {
    const cluster = limited({});
    for (let i = 0; i < 5000; i++) expect(cluster.admit("connection-pool")).toBeDefined();
    expect(cluster.stats()[`${STAT}.cx_pool_open`]).toBe(0);
    const one = limited({ maxConnectionPools: 1 });
    one.admit("connection-pool");
    expect(one.admit("connection-pool")).toBeUndefined();
    expect(one.stats()).toMatchObject({ [`${STAT}.cx_pool_open`]: 1, upstream_cx_pool_overflow: 1 });
  });

  test("what remains is published when asked for, and nothing of a retry budget", () => {
    const cluster = limited({ trackRemaining: true, maxRequests: 2 });
    picked(cluster.pick());
    expect(cluster.stats()).toMatchObject({
      [`${STAT}.remaining_cx`]: 1024,
      [`${STAT}.remaining_pending`]: 1024,
      [`${STAT}.remaining_rq`]: 1,
      [`${STAT}.remaining_retries`]: 3,
    });
    expect(Object.keys(cluster.stats()).filter((name) => name.startsWith("circuit_breakers.high.remaining"))).toEqual(
      [],
    );
    const budget = limited({ trackRemaining: true, retryBudget: {} });
    expect(budget.stats()[`${STAT}.remaining_retries`]).toBe(0);
  });

  test("a host without a connection gets one, also when the cluster has no more to give", () => {
    const cluster = limited({ maxConnections: 1 });
    const [a, b] = HOSTS.map((address) => cluster.host(address));
    expect(cluster.admit("connection", "DEFAULT", a)).toBeDefined();
    const first = cluster.admit("connection", "DEFAULT", b);
    expect(first).toBeDefined();
    expect(cluster.admit("connection", "DEFAULT", b)).toBeUndefined();
    expect(cluster.admit("connection")).toBeUndefined();
    // Envoy counts the overflow of the connection that it makes in spite of it.
    expect(cluster.stats()["upstream_cx_overflow"]).toBe(3);
    first?.release();
    first?.release();
    expect(cluster.admit("connection", "DEFAULT", b)).toBeDefined();
  });

  test("what is no routing priority counts against the default one", () => {
    const cluster = limited({ maxRequests: 1, maxRetries: 0 });
    for (const priority of ["toString", "__proto__", "LOW", null] as unknown as RoutingPriority[]) {
      const pick = picked(cluster.pick({ routingPriority: priority }));
      expect(cluster.pick().kind).toBe("none");
      expect(cluster.explain({ routingPriority: priority })).toMatchObject({ reason: "overflow" });
      pick.done(OK);
      expect(cluster.admit("retry", priority)).toBeUndefined();
    }
  });
});

describe("retry budgets", () => {
  test.each([
    // The products as C++ and every other IEEE 754 machine compute them: 0.29 · 100 is below 29.
    [100, 20, 20, 24],
    [100, 0, 29, 28],
    [100, 0, 57, 56],
    [24, 0, 12.5, 3],
  ])("%i active and %i pending at %d percent: %i", (active, pending, budgetPercent, limit) => {
    expect(retryBudgetLimit(active, pending, { budgetPercent, minRetryConcurrency: 0 })).toBe(limit);
  });

  describe("with budget_interval, as recorded from Envoy 1.40", () => {
    const budget = (budgetPercent: number, budgetIntervalMs: number) => {
      const rig = setUp({
        hosts: HOSTS,
        circuitBreakers: [{ retryBudget: { budgetPercent, budgetIntervalMs, minRetryConcurrency: 0 } }],
      });
      const request = (): void => picked(rig.cluster.pick()).done(OK);
      return { ...rig, request };
    };

    test("requests that are over count, and the failing one does: at 50 % the second is the first to be retried", () => {
      const { cluster, request } = budget(50, 3000);
      request();
      expect(cluster.admit("retry")).toBeUndefined();
      request();
      expect(cluster.admit("retry")).toBeDefined();
      expect(cluster.admit("retry")).toBeUndefined();
    });

    test("retries one after the other are only limited by how many are under way", () => {
      const { cluster, request } = budget(20, 60_000);
      for (let i = 0; i < 10; i++) request();
      for (let i = 0; i < 20; i++) {
        request();
        const permit = cluster.admit("retry");
        expect(permit).toBeDefined();
        permit?.release();
      }
    });

    test("retries count as requests", () => {
      const { cluster, request } = budget(10, 60_000);
      for (let i = 0; i < 15; i++) request();
      expect(cluster.admit("retry")).toBeDefined();
      expect(cluster.admit("retry")).toBeUndefined();
      for (let i = 0; i < 5; i++) picked(cluster.pick({ attempted: [] })).done(OK);
      expect(cluster.admit("retry")).toBeDefined();
    });

    test("what is older than the interval does not count", () => {
      const { cluster, request, clock } = budget(100, 1000);
      request();
      clock.advance(900);
      cluster.admit("retry")?.release();
      expect(cluster.admit("retry")).toBeDefined();
      const other = budget(100, 1000);
      other.request();
      other.clock.advance(1000);
      expect(other.cluster.admit("retry")).toBeUndefined();
    });
  });

  test("tower's reserve counts whole seconds", () => {
    expect(windowBudgetAmounts({ ttlMs: 1500, minPerSec: 10, retryRatio: 0.5 }).reserve).toBe(20);
  });

  test("a clock that goes back, or gives no number, costs the window budget nothing", () => {
    const { cluster, clock } = setUp({
      hosts: HOSTS,
      circuitBreakers: [{ retryBudget: { kind: "window", minPerSec: 0, retryRatio: 1 } }],
    });
    for (const ms of [0, Number.NaN, -1e9]) {
      clock.advance(ms);
      picked(cluster.pick()).done(OK);
    }
    expect(cluster.admit("retry")).toBeDefined();
  });
});

describe("ends", () => {
  test.each([undefined, null])("an outcome of %s is no exception, and nothing is learnt of it", (end) => {
    const { hold, cluster, stat } = directed(1, { outlierDetection: { maxEjectionPercent: 100 } });
    for (let i = 0; i < 10; i++) {
      const pick = hold(0);
      pick.report(end as unknown as Outcome);
      pick.done(end as unknown as Outcome);
    }
    expect(stat("ejections_detected_consecutive_5xx")).toBe(0);
    expect(cluster.stats()["upstream_rq_active"]).toBe(0);
  });

  test("a report after done, and a second one, say nothing", () => {
    const { hold, stat } = directed(1, { outlierDetection: { maxEjectionPercent: 100, consecutive5xx: 2 } });
    const pick = hold(0);
    pick.report(ERROR);
    pick.report(ERROR);
    pick.done(ERROR);
    pick.done(ERROR);
    pick.report(ERROR);
    expect(stat("ejections_detected_consecutive_5xx")).toBe(0);
  });

  test("`connected` leaves the result to be told, and counts one local success with it", () => {
    const rig = directed(5, {
      outlierDetection: { splitExternalLocalOriginErrors: true, consecutive5xx: 2, maxEjectionPercent: 100 },
    });
    for (let i = 0; i < 2; i++) {
      const pick = rig.hold(0);
      pick.report({ result: "connected" });
      pick.report({ result: "connected" });
      pick.done(ERROR);
    }
    expect(rig.stat("ejections_enforced_consecutive_5xx")).toBe(1);
    // 60 requests with 60 local successes do not reach the volume of 100 by being counted twice.
    for (let host = 1; host < 5; host++) {
      for (let i = 0; i < 60; i++) {
        const pick = rig.hold(host);
        pick.report({ result: "connected" });
        pick.done(OK);
      }
    }
    rig.send(4, { result: "connect-failed" }, 4);
    rig.tick(10_000);
    expect(rig.stat("ejections_detected_local_origin_success_rate")).toBe(0);
  });

  test("permits of every kind are given back once, over 100,000 steps with removals, throws and double ends", () => {
    const circuitBreakers = [{ maxRequests: 12, maxRetries: 5, maxConnections: 6, maxPendingRequests: 4 }];
    const rig = setUp({
      hosts: HOSTS,
      circuitBreakers,
      healthCheck: { intervalMs: 1000, timeoutMs: 500, healthyThreshold: 1, unhealthyThreshold: 1 },
      healthyPanicThreshold: 100,
      outlierDetection: {
        maxEjectionPercent: 70,
        consecutive5xx: 2,
        baseEjectionTimeMs: 1000,
        intervalMs: 500,
        probation: {},
        detectDegradedHosts: true,
      },
      onEvent: () => {
        throw new Error("a handler's fault");
      },
    });
    const { cluster, clock } = rig;
    const draw = seededRandom(5);
    const quietly = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        if (!(error instanceof Error) || error.message !== "a handler's fault") throw error;
      }
    };
    const ends: readonly Outcome[] = [
      OK,
      ERROR,
      { result: "timeout" },
      { result: "aborted" },
      { result: "response", status: 200, degraded: true },
      { result: "response", status: 200, immediateHealthCheckFail: true },
      { result: "response", status: Number.NaN },
    ];
    const one = <T>(list: readonly T[]): T => list[Math.floor(draw() * list.length)] as T;
    const resources = ["retry", "connection", "pending"] as const;
    const picks: HostPick[] = [];
    const permits: { readonly of: Resource; readonly release: () => void }[] = [];
    for (let step = 0; step < 100_000; step++) {
      const kind = draw();
      if (kind < 0.4) {
        const pick = cluster.pick({ attempted: draw() < 0.3 ? picks.slice(-1).map(({ host }) => host) : [] });
        if (pick.kind === "host") picks.push(pick);
      } else if (kind < 0.75) {
        const [pick] = picks.splice(Math.floor(draw() * picks.length), 1);
        if (draw() < 0.3) quietly(() => pick?.report(one(ends)));
        quietly(() => pick?.done(one(ends)));
        if (draw() < 0.3) quietly(() => pick?.done(one(ends)));
      } else if (kind < 0.8) {
        const of = one(resources);
        const permit = cluster.admit(of, "DEFAULT", draw() < 0.5 ? cluster.host(one(HOSTS)) : undefined);
        if (permit) permits.push({ of, release: () => permit.release() });
      } else if (kind < 0.88) {
        const [permit] = permits.splice(Math.floor(draw() * permits.length), 1);
        permit?.release();
        if (draw() < 0.3) permit?.release();
      } else if (kind < 0.91) {
        cluster.update({ remove: [one(HOSTS)] });
      } else if (kind < 0.95) {
        cluster.update(draw() < 0.5 ? { add: [{ hosts: [one(HOSTS)] }] } : { replace: [{ hosts: HOSTS }] });
      } else if (kind < 0.98) {
        quietly(() => cluster.reportHealthCheck(one(HOSTS), one(["ok", "ok", "fail", "network", "degraded"])));
      } else {
        clock.advance(250);
        quietly(() => cluster.tick());
      }
      const stats = cluster.stats();
      const flagged = HOSTS.filter((address) => ((cluster.host(address)?.flags ?? 0) & 0x2) !== 0).length;
      if (stats["outlier_detection.ejections_active"] !== flagged) throw new Error(`step ${step}: ${flagged} flagged`);
      if (stats["upstream_rq_active"] !== picks.length) throw new Error(`step ${step}: ${picks.length} held`);
    }
    expect(cluster.stats()["outlier_detection.ejections_enforced_total"]).toBeGreaterThan(100);
    for (const pick of picks) quietly(() => pick.done(OK));
    for (const permit of permits) permit.release();
    cluster.update({ replace: [{ hosts: HOSTS }] });
    for (const address of HOSTS) expect(cluster.host(address)?.activeRequests).toBe(0);
    for (const [resource, max] of [
      ["request", 12],
      ["retry", 5],
      ["connection", 6],
      ["pending", 4],
    ] as const) {
      for (let i = 0; i < max; i++) expect(cluster.admit(resource)).toBeDefined();
      expect(cluster.admit(resource)).toBeUndefined();
    }
  }, 60_000);
});

describe("host predicates", () => {
  test("a list in a host's metadata is any of its elements, as in Envoy", () => {
    const { cluster } = setUp({
      hosts: [
        { address: "a:1", metadata: { stage: ["canary", "blue"] } },
        { address: "b:1", metadata: { stage: "canary" } },
        { address: "c:1", metadata: { stage: ["blue"] } },
        { address: "d:1" },
      ],
    });
    const omits = (match: Parameters<typeof omitHostMetadata>[0]): string[] =>
      ["a:1", "b:1", "c:1", "d:1"].filter((address) => {
        const host = cluster.host(address);
        return host !== undefined && omitHostMetadata(match)(host, {});
      });
    expect(omits({ stage: "canary" })).toEqual(["a:1", "b:1"]);
    expect(omits({ stage: ["blue"] })).toEqual([]);
    expect(omits({})).toEqual([]);
    expect(omits({ stage: "canary", other: 1 })).toEqual([]);
  });

  test("previous hosts are those with the same address", () => {
    const { cluster } = setUp({ hosts: HOSTS });
    const [a, b] = HOSTS.flatMap((address) => cluster.host(address) ?? []);
    if (a === undefined || b === undefined) throw new Error("no hosts");
    expect(previousHosts(a, { attempted: [a] })).toBe(true);
    expect(previousHosts(b, { attempted: [a] })).toBe(false);
    expect(previousHosts(b, {})).toBe(false);
  });
});
