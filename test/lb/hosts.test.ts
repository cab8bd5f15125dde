import { type HostDelta, HostFlag, type LbEvent, roundRobin } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { ERROR, HOSTS, OK, picked, setUp, spread } from "./picking.js";

const CHECK = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 };

function issuesOf(update: () => void): string[] {
  try {
    update();
    return [];
  } catch (error) {
    return (error as { issues: { path: string }[] }).issues.map((issue) => issue.path);
  }
}

describe("a delta of which some cannot be accepted", () => {
  const wrong: readonly { name: string; delta: HostDelta; path: string }[] = [
    {
      name: "a weight that is none",
      delta: { change: [{ address: "b:1", weight: Number.NaN }] },
      path: "change[0].weight",
    },
    {
      name: "a health there is not",
      delta: { change: [{ address: "b:1", health: "ILL" as never }] },
      path: "change[0].health",
    },
    {
      name: "weights beyond 2^32 together",
      delta: {
        change: [
          { address: "a:1", weight: 2 ** 31 },
          { address: "b:1", weight: 2 ** 31 },
        ],
      },
      path: "change[1].weight",
    },
    {
      name: "a locality too heavy beside the one there is",
      delta: { add: [{ locality: { zone: "b" }, weight: 2 ** 31, hosts: ["c:1"] }] },
      path: "endpoints",
    },
    {
      name: "a host of unknown health",
      delta: { add: [{ hosts: [{ address: "c:1", health: "ILL" as never }] }] },
      path: "endpoints[0].lb_endpoints[0].health_status",
    },
  ];

  test.each(wrong)("$name: nothing of it is applied", ({ delta, path }) => {
    const { cluster } = setUp({ endpoints: [{ locality: { zone: "a" }, weight: 2 ** 31, hosts: ["a:1", "b:1"] }] });
    const whole = { add: [{ hosts: ["x:1"] }, ...(delta.add ?? [])], remove: ["a:1"], change: delta.change ?? [] };
    expect(issuesOf(() => cluster.update(whole))).toEqual([path.replace("endpoints[0]", "endpoints[1]")]);
    expect(cluster.host("x:1")).toBeUndefined();
    expect(cluster.host("a:1")).toMatchObject({ weight: 1, health: "healthy" });
  });

  test("a change that makes room is counted before one that takes it", () => {
    const hosts = [{ address: "a:1", weight: 2 ** 32 - 2 }, "b:1"];
    const { cluster } = setUp({ hosts });
    cluster.update({
      change: [
        { address: "a:1", weight: 1 },
        { address: "b:1", weight: 2 ** 32 - 2 },
      ],
    });
    expect(cluster.host("b:1")?.weight).toBe(2 ** 32 - 2);
  });
});

describe("requests that outlive their host", () => {
  test("what they report ejects nobody, and no count is left over", () => {
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection: { consecutive5xx: 2, maxEjectionPercent: 100 } });
    const held = Array.from({ length: 30 }, () => picked(cluster.pick()));
    cluster.update({ remove: [HOSTS[0] ?? ""] });
    for (const pick of held) pick.done(pick.host.address === HOSTS[0] ? ERROR : OK);
    expect(cluster.stats()).toMatchObject({ "outlier_detection.ejections_active": 0, upstream_rq_active: 0 });
    cluster.update({ remove: HOSTS });
    expect(cluster.stats()).toMatchObject({ "outlier_detection.ejections_active": 0, membership_total: 0 });
  });

  test("a response of the old host does not take out the new one at its address", () => {
    const { cluster } = setUp({ endpoints: [{ hosts: ["a:1", "b:1"] }], healthCheck: CHECK });
    for (const address of ["a:1", "b:1"]) cluster.reportHealthCheck(address, "ok");
    const held = [picked(cluster.pick()), picked(cluster.pick())].find((pick) => pick.host.address === "a:1");
    cluster.update({ remove: ["a:1"] });
    cluster.reportHealthCheck("a:1", "fail");
    expect(cluster.host("a:1")).toBeUndefined();
    cluster.update({ add: [{ hosts: ["a:1"] }] });
    cluster.reportHealthCheck("a:1", "ok");
    held?.done({ ...OK, immediateHealthCheckFail: true });
    expect(cluster.host("a:1")).toMatchObject({ health: "healthy", activeRequests: 0 });
    expect(cluster.stats()["membership_total"]).toBe(2);
    expect(Object.values(spread(cluster, 10))).toEqual([5, 5]);
  });
});

test("a host that was dropped and is wanted again stays when its check fails", () => {
  const { cluster } = setUp({ hosts: HOSTS, healthCheck: CHECK });
  for (const address of HOSTS) cluster.reportHealthCheck(address, "ok");
  const [first = ""] = HOSTS;
  cluster.update({ remove: [first] });
  expect((cluster.host(first)?.flags ?? 0) & HostFlag.pendingDynamicRemoval).not.toBe(0);
  cluster.update({ add: [{ hosts: [first] }] });
  cluster.reportHealthCheck(first, "fail");
  expect(cluster.host(first)?.health).toBe("unhealthy");
});

test("a host that discovery called unhealthy goes at once when discovery drops it, whatever its check says", () => {
  const { cluster } = setUp({ hosts: HOSTS, healthCheck: CHECK, updateMergeWindowMs: 0 });
  const [unhealthy = "", draining = "", fine = ""] = HOSTS;
  for (const address of HOSTS) cluster.reportHealthCheck(address, "ok");
  cluster.update({
    change: [
      { address: unhealthy, health: "UNHEALTHY" },
      { address: draining, health: "DRAINING" },
    ],
  });
  cluster.update({ remove: HOSTS });
  // Envoy's BaseDynamicClusterImpl::updateDynamicHostList asks for FAILED_ACTIVE_HC and FAILED_EDS_HEALTH only.
  expect(HOSTS.map((address) => cluster.host(address) !== undefined)).toEqual(HOSTS.map((each) => each !== unhealthy));
  expect(cluster.host(fine)?.health).toBe("healthy");
});

describe("handlers of events", () => {
  test("what one throws comes out after everything else is done", () => {
    const events: LbEvent[] = [];
    const { cluster, clock } = setUp({
      hosts: HOSTS,
      healthyPanicThreshold: 0,
      outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100, baseEjectionTimeMs: 1000, intervalMs: 1000 },
      onEvent(event) {
        events.push(event);
        throw new Error(event.host);
      },
    });
    for (const address of HOSTS) {
      const pick = picked(cluster.pick());
      expect(() => pick.done(ERROR)).toThrow(pick.host.address);
      expect(cluster.host(address)).toBeDefined();
    }
    expect(cluster.stats()).toMatchObject({ upstream_rq_active: 0, "outlier_detection.ejections_active": 3 });
    clock.advance(1000);
    expect(() => cluster.tick()).toThrow();
    // All three came back, not only the first.
    expect(events.filter((event) => event.action === "UNEJECT")).toHaveLength(3);
    expect(cluster.stats()["outlier_detection.ejections_active"]).toBe(0);
    expect(() => cluster.tick()).not.toThrow();
  });

  test("one may pick, update and sweep while it is told", () => {
    const { cluster, clock } = setUp({
      hosts: HOSTS,
      outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100, baseEjectionTimeMs: 1000, intervalMs: 1000 },
      onEvent() {
        const pick = cluster.pick();
        if (pick.kind === "host") pick.done(OK);
        cluster.update({ replace: [{ hosts: [...HOSTS].reverse() }] });
        cluster.update({ remove: [HOSTS[1] ?? ""], add: [{ hosts: ["10.0.0.9:80"] }] });
        cluster.tick();
      },
    });
    for (let round = 0; round < 50; round++) {
      const pick = picked(cluster.pick());
      pick.done(round % 3 === 0 ? ERROR : OK);
      clock.advance(700);
      cluster.tick();
    }
    const flagged = cluster.prioritySet.levels.flatMap(({ hosts }) => hosts.filter((host) => host.flags & 2)).length;
    expect(cluster.stats()).toMatchObject({ upstream_rq_active: 0, "outlier_detection.ejections_active": flagged });
  });
});

test("a host that its event's handler takes out is ejected no further, nor let back in", () => {
  const outlierDetection = {
    consecutive5xx: 1,
    consecutiveGatewayFailure: 1,
    enforcingConsecutiveGatewayFailure: 0,
    maxEjectionPercent: 100,
  };
  const healthCheck = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 };
  const { cluster } = setUp({
    hosts: HOSTS,
    outlierDetection,
    healthCheck,
    ignoreHealthOnHostRemoval: true,
    onEvent: ({ action, host }) => {
      if (action !== "ADD_HEALTHY" || host === HOSTS[2]) cluster.update({ remove: [host] });
    },
  });
  const [first = "", second = "", third = ""] = HOSTS;
  for (const address of [first, second]) cluster.reportHealthCheck(address, "ok");
  // The gateway failure is only told, and its handler removes the host before the failure as such is looked at.
  const pick = picked(cluster.pick());
  pick.done({ result: "response", status: 503 });
  expect(cluster.host(pick.host.address)).toBeUndefined();
  expect(cluster.stats()["outlier_detection.ejections_active"]).toBe(0);
  const { cluster: ejecting } = setUp({
    hosts: HOSTS,
    outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 100 },
    healthyPanicThreshold: 0,
    healthCheck,
    ignoreHealthOnHostRemoval: true,
    onEvent: ({ action, host }) => {
      if (action === "ADD_HEALTHY" && host === third && down) ejecting.update({ remove: [host] });
    },
  });
  let down = false;
  ejecting.reportHealthCheck(third, "ok");
  picked(ejecting.pick()).done(ERROR);
  expect(ejecting.stats()["outlier_detection.ejections_active"]).toBe(1);
  ejecting.reportHealthCheck(third, "fail");
  down = true;
  ejecting.reportHealthCheck(third, "ok");
  expect(ejecting.host(third)).toBeUndefined();
  expect(ejecting.stats()["outlier_detection.ejections_active"]).toBe(0);
});

test("a policy of the caller's own that throws leaves nothing held", () => {
  const inner = roundRobin();
  let broken = true;
  const { cluster } = setUp({
    hosts: HOSTS,
    circuitBreakers: [{ maxRequests: 1 }],
    policy: {
      name: "own",
      balancer(hosts, env) {
        const balancer = inner.balancer(hosts, env);
        return {
          choose(context) {
            if (broken) throw new Error("broken");
            return balancer.choose(context);
          },
          refresh: (change) => balancer.refresh(change),
        };
      },
    },
  });
  expect(() => cluster.pick()).toThrow("broken");
  broken = false;
  picked(cluster.pick()).done(OK);
  expect(cluster.stats()["upstream_rq_active"]).toBe(0);
});

// `npx pnpm run peers lb` sees the same of Envoy 1.40.
test("the same hosts in another order change nothing; with anything else new, they have that order", () => {
  const { cluster } = setUp({ hosts: ["a:1", "b:1", "c:1"], updateMergeWindowMs: 0 });
  const next = (): string => {
    const pick = picked(cluster.pick());
    pick.done(OK);
    return pick.host.address;
  };
  const order = [next(), next(), next()];
  cluster.update({ replace: [{ hosts: ["c:1", "b:1", "a:1"] }, { locality: { zone: "empty" }, hosts: [] }] });
  expect([next(), next(), next()]).toEqual(order);
  cluster.update({ replace: [{ hosts: ["c:1", { address: "b:1", weight: 2 }, "a:1"] }] });
  expect(cluster.prioritySet.levels[0]?.hosts.map((host) => host.address)).toEqual(["c:1", "b:1", "a:1"]);
});

test("priorities with gaps are empty levels, up to the last there is", () => {
  const endpoints = [3, 128].map((priority) => ({ priority, hosts: [`p${priority}:1`] }));
  const { cluster } = setUp({ endpoints, updateMergeWindowMs: 0 });
  expect(cluster.prioritySet.levels).toHaveLength(129);
  expect(picked(cluster.pick()).host.address).toBe("p3:1");
  cluster.update({ change: [{ address: "p3:1", health: "UNHEALTHY" }] });
  expect(picked(cluster.pick()).host.address).toBe("p128:1");
});

test("a retry that every host is refused for ends", () => {
  const { cluster } = setUp({ hosts: HOSTS });
  const [attempted] = cluster.prioritySet.levels[0]?.hosts ?? [];
  for (const hostSelectionRetryMaxAttempts of [Number.NaN, Number.POSITIVE_INFINITY, -1]) {
    const context = {
      attempted: attempted ? [attempted] : [],
      hostPredicates: [() => true],
      hostSelectionRetryMaxAttempts,
    };
    picked(cluster.pick(context)).done(OK);
  }
});

test("explain counts nothing", () => {
  const { cluster } = setUp({ hosts: HOSTS.map((address) => ({ address, health: "UNHEALTHY" as const })) });
  const before = cluster.stats();
  cluster.explain();
  expect(cluster.stats()).toEqual(before);
  picked(cluster.pick()).done(OK);
  expect(cluster.stats()["lb_healthy_panic"]).toBe(1);
});

test("explain says that a request would be dropped", () => {
  const { cluster } = setUp({ hosts: HOSTS, dropOverloads: [{ category: "throttle", percent: 100 }] });
  expect(cluster.explain()).toEqual({
    reason: "dropped",
    steps: [{ step: "drop", dropped: true, category: "throttle" }],
  });
  const { cluster: open } = setUp({ hosts: HOSTS, dropOverloads: [{ category: "throttle", percent: 0 }] });
  expect(open.explain().steps[0]).toEqual({ step: "drop", dropped: false });
});
