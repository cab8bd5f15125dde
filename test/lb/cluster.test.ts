import { createCluster, type HostPick, leastRequest, previousHosts, random } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";
import { ERROR, failUntilEjected, HOSTS, OK, picked, setUp, spread } from "./picking.js";

describe("round robin", () => {
  test("every host gets the same share", () => {
    expect(spread(setUp({ hosts: HOSTS }).cluster, 300)).toEqual({
      "10.0.0.1:80": 100,
      "10.0.0.2:80": 100,
      "10.0.0.3:80": 100,
    });
  });

  test("shares follow weights exactly over one cycle", () => {
    const hosts = [
      { address: "a:1", weight: 1 },
      { address: "b:1", weight: 2 },
      { address: "c:1", weight: 7 },
    ];
    expect(spread(setUp({ hosts }).cluster, 100)).toEqual({ "a:1": 10, "b:1": 20, "c:1": 70 });
  });

  test("the position survives an added host", () => {
    const { cluster } = setUp({ hosts: HOSTS });
    spread(cluster, 3);
    cluster.update({ add: [{ hosts: ["10.0.0.4:80"] }] });
    expect(Object.values(spread(cluster, 4))).toEqual([1, 1, 1, 1]);
  });
});

describe("least request", () => {
  test("of two distinct hosts the busier one is never chosen", () => {
    const { cluster } = setUp({ hosts: ["a:1", "b:1"], policy: leastRequest({ selection: "distinct" }) });
    const held = picked(cluster.pick());
    for (let i = 0; i < 50; i++) {
      const pick = picked(cluster.pick());
      expect(pick.host.address).not.toBe(held.host.address);
      pick.done(OK);
    }
  });

  test("an unequal weight switches to shares by weight over active requests", () => {
    const hosts = [
      { address: "a:1", weight: 1 },
      { address: "b:1", weight: 3 },
    ];
    expect(spread(setUp({ hosts, policy: leastRequest() }).cluster, 400)).toEqual({ "a:1": 100, "b:1": 300 });
  });
});

describe("retries", () => {
  test("previous_hosts finds another host, redrawing as often as allowed", () => {
    const { cluster } = setUp({ hosts: HOSTS, policy: random() });
    for (let i = 0; i < 100; i++) {
      const first = picked(cluster.pick());
      first.done(ERROR);
      const second = picked(
        cluster.pick({ attempted: [first.host], hostPredicates: [previousHosts], hostSelectionRetryMaxAttempts: 50 }),
      );
      second.done(OK);
      expect(second.host).not.toBe(first.host);
    }
  });

  test("the last redraw is used even if it is rejected", () => {
    const { cluster } = setUp({ hosts: ["a:1"] });
    const first = picked(cluster.pick());
    const second = picked(cluster.pick({ attempted: [first.host], hostPredicates: [previousHosts] }));
    expect(second.host.address).toBe("a:1");
  });
});

describe("admission", () => {
  test("max_requests refuses and frees with done, once", () => {
    const { cluster } = setUp({ hosts: HOSTS, circuitBreakers: [{ maxRequests: 1 }] });
    const held = picked(cluster.pick());
    expect(cluster.pick()).toEqual({ kind: "none", reason: "overflow" });
    expect(cluster.pick({ routingPriority: "HIGH" }).kind).toBe("host");
    held.done(OK);
    held.done(OK);
    const again = picked(cluster.pick());
    expect(cluster.pick()).toEqual({ kind: "none", reason: "overflow" });
    again.done({ result: "aborted" });
  });

  test("a retry budget grows with the requests in flight", () => {
    const { cluster } = setUp({
      hosts: HOSTS,
      circuitBreakers: [{ retryBudget: { budgetPercent: 50, minRetryConcurrency: 0 } }],
    });
    expect(cluster.admit("retry")).toBeUndefined();
    const held = Array.from({ length: 4 }, () => picked(cluster.pick()));
    const first = cluster.admit("retry");
    expect(cluster.admit("retry")).toBeDefined();
    expect(cluster.admit("retry")).toBeUndefined();
    first?.release();
    first?.release();
    expect(cluster.admit("retry")).toBeDefined();
    expect(cluster.admit("retry")).toBeUndefined();
    for (const pick of held) pick.done(OK);
  });

  test("permits never leak under random ends", () => {
    const { cluster } = setUp({ hosts: HOSTS, circuitBreakers: [{ maxRequests: 20 }] });
    const draw = seededRandom(3);
    const held: HostPick[] = [];
    for (let step = 0; step < 100_000; step++) {
      if (draw() < 0.5) {
        const pick = cluster.pick();
        if ((pick.kind === "host") !== held.length < 20)
          throw new Error(`step ${step}: ${pick.kind} with ${held.length} held`);
        if (pick.kind === "host") held.push(pick);
      } else {
        const index = Math.floor(draw() * held.length);
        const [pick] = held.splice(index, 1);
        if (draw() < 0.3) pick?.report(ERROR);
        pick?.done(draw() < 0.5 ? OK : { result: "aborted" });
        if (draw() < 0.2) pick?.done(OK);
      }
      const active = HOSTS.reduce((sum, address) => sum + (cluster.host(address)?.activeRequests ?? 0), 0);
      if (active !== held.length) throw new Error(`step ${step}: ${active} active, ${held.length} held`);
    }
    expect(cluster.stats()["upstream_rq_active"]).toBe(held.length);
    for (const pick of held) pick.done(OK);
    expect(HOSTS.map((address) => cluster.host(address)?.activeRequests)).toEqual([0, 0, 0]);
  });
});

describe("updates", () => {
  test("a replacement keeps what was learnt about hosts that stay", () => {
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection: { maxEjectionPercent: 50 } });
    failUntilEjected(cluster, "10.0.0.2:80", 50);
    cluster.update({ replace: [{ hosts: ["10.0.0.9:80", "10.0.0.2:80", "10.0.0.1:80"] }] });
    expect(cluster.host("10.0.0.3:80")).toBeUndefined();
    expect(cluster.host("10.0.0.2:80")?.health).toBe("unhealthy");
    expect(spread(cluster, 10)).toEqual({ "10.0.0.9:80": 5, "10.0.0.1:80": 5 });
  });

  test("changes of health within the merge window apply together at its end", () => {
    const { cluster, clock } = setUp({ hosts: HOSTS });
    cluster.update({ change: [{ address: "10.0.0.1:80", health: "DRAINING" }] });
    expect(Object.keys(spread(cluster, 10))).not.toContain("10.0.0.1:80");
    clock.advance(100);
    cluster.update({ change: [{ address: "10.0.0.2:80", health: "DRAINING" }] });
    expect(Object.keys(spread(cluster, 10))).toContain("10.0.0.2:80");
    expect(cluster.nextTickAt).toBe(1100);
    clock.advance(1000);
    cluster.tick();
    expect(Object.keys(spread(cluster, 10))).toEqual(["10.0.0.3:80"]);
  });

  test("an invalid host is refused with every problem and nothing is applied", () => {
    const { cluster } = setUp({ hosts: HOSTS });
    const add = [{ priority: 129, hosts: ["", { address: "x:1", weight: 0 }, { address: "y:1", weight: Number.NaN }] }];
    expect(() => cluster.update({ add })).toThrow(
      expect.objectContaining({
        code: "ERR_LB_HOST_INVALID",
        issues: [
          expect.objectContaining({ path: "endpoints[0].priority" }),
          expect.objectContaining({ path: "endpoints[0].lb_endpoints[0].endpoint.address" }),
          expect.objectContaining({ path: "endpoints[0].lb_endpoints[1].load_balancing_weight" }),
          expect.objectContaining({ path: "endpoints[0].lb_endpoints[2].load_balancing_weight" }),
        ],
      }),
    );
    expect(cluster.stats()["membership_total"]).toBe(3);
  });

  test("weights may add up to 2^32 − 1 and no further", () => {
    const { cluster } = setUp({ hosts: [{ address: "a:1", weight: 0xfffffffe }] });
    cluster.update({ add: [{ hosts: ["b:1"] }] });
    expect(() => cluster.update({ add: [{ hosts: ["c:1"] }] })).toThrow(/ERR_LB_HOST_INVALID/);
  });

  test("of two hosts with one address the first counts", () => {
    const hosts = [
      { address: "a:1", weight: 2 },
      { address: "a:1", weight: 5 },
    ];
    const { cluster } = setUp({ hosts });
    expect(cluster.host("a:1")?.weight).toBe(2);
    expect(cluster.stats()["membership_total"]).toBe(1);
  });

  test("a disposed cluster has no host and takes no update", () => {
    const { cluster } = setUp({ hosts: HOSTS });
    cluster[Symbol.dispose]();
    expect(cluster.pick()).toEqual({ kind: "none", reason: "disposed" });
    expect(cluster.nextTickAt).toBe(Number.POSITIVE_INFINITY);
    expect(() => cluster.update({ remove: HOSTS })).toThrow(
      expect.objectContaining({ code: "ERR_LB_CLUSTER_DISPOSED" }),
    );
  });
});

describe("no host", () => {
  test("an empty cluster says so instead of throwing", () => {
    expect(setUp({}).cluster.pick()).toEqual({ kind: "none", reason: "no-healthy-host" });
  });

  test("drop_overloads refuses its share before anything is picked", () => {
    const { cluster } = setUp({ hosts: HOSTS, dropOverloads: [{ category: "throttle", percent: 25 }] });
    let dropped = 0;
    for (let i = 0; i < 10_000; i++) {
      const pick = cluster.pick();
      if (pick.kind === "none") dropped += 1;
      else pick.done(OK);
    }
    expect(Math.abs(dropped - 2500)).toBeLessThan(4 * Math.sqrt(10_000 * 0.25 * 0.75));
    expect(cluster.stats()["lb_drop.throttle"]).toBe(dropped);
  });
});

describe("explain", () => {
  test("says which priority, list and host, and takes nothing", () => {
    const { cluster } = setUp({
      endpoints: [{ hosts: [{ address: "a:1", health: "UNHEALTHY" }] }, { priority: 1, hosts: ["b:1"] }],
    });
    expect(cluster.explain()).toMatchObject({
      address: "b:1",
      steps: [
        { step: "priority", healthyLoad: [0, 100], priority: 1, health: "healthy" },
        { step: "source", source: "healthy", panic: false, candidates: 1 },
        { step: "host", policy: "round_robin", address: "b:1" },
        { step: "admission", resource: "request", current: 0, max: 1024, open: false },
      ],
    });
    expect(cluster.host("b:1")?.activeRequests).toBe(0);
  });
});

describe("snapshot", () => {
  test("a new cluster goes on with ejections and rotation of the old one", () => {
    const options = { hosts: HOSTS, outlierDetection: { maxEjectionPercent: 50 } };
    const { cluster, clock } = setUp(options);
    failUntilEjected(cluster, "10.0.0.2:80", 50);
    const next = createCluster(options, { clock, random: seededRandom(99) });
    next.restore(JSON.parse(JSON.stringify(cluster.snapshot())));
    expect(next.stats()["outlier_detection.ejections_active"]).toBe(1);
    expect(picked(next.pick()).host.address).toBe(picked(cluster.pick()).host.address);
    expect(Object.keys(spread(next, 10)).sort()).toEqual(["10.0.0.1:80", "10.0.0.3:80"]);
  });

  test("what is not a snapshot is left out", () => {
    const { cluster } = setUp({ hosts: HOSTS });
    for (const wrong of [undefined, null, 3, "x", [], { hosts: [], balancer: 5 }, { hosts: { "10.0.0.1:80": 1 } }]) {
      cluster.restore(wrong);
    }
    expect(Object.values(spread(cluster, 3))).toEqual([1, 1, 1]);
  });
});
