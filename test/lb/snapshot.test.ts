import {
  type ClusterOptions,
  clientSideWeightedRoundRobin,
  createCluster,
  peakEwma,
  randomSubsetting,
  roundRobin,
  subset,
} from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";
import { ERROR, failUntilEjected, HOSTS, OK, picked, setUp, spread } from "./picking.js";

const EJECTING = { consecutive5xx: 1, maxEjectionPercent: 50, baseEjectionTimeMs: 1000, intervalMs: 1000 };

/** As it is after it lay in a file. */
function saved(cluster: { snapshot(): unknown }): Record<string, Record<string, Record<string, unknown>>> {
  return JSON.parse(JSON.stringify(cluster.snapshot())) as never;
}

/** Another cluster, on a clock of its own unless given one. */
function other(options: ClusterOptions, snapshot: unknown, clock = setUp({}).clock) {
  const cluster = createCluster(options, { clock, random: seededRandom(77) });
  cluster.restore(snapshot);
  return { cluster, clock };
}

describe("a snapshot of another clock", () => {
  test("keeps no host out longer than an ejection lasts, nor an estimate from changing", () => {
    const options = { hosts: HOSTS, outlierDetection: EJECTING, policy: peakEwma() };
    const { cluster, clock } = setUp(options);
    clock.advance(1e9);
    failUntilEjected(cluster, HOSTS[0] ?? "", 1);
    for (let i = 0; i < 20; i++) picked(cluster.pick()).done({ ...OK, latencyMs: 400 });
    const { cluster: next, clock: young } = other(options, saved(cluster));
    expect(next.stats()["outlier_detection.ejections_active"]).toBe(1);
    young.advance(1000);
    next.tick();
    expect(next.stats()["outlier_detection.ejections_active"]).toBe(0);
    const before = saved(next);
    picked(next.pick()).done({ ...OK, latencyMs: 900 });
    expect(saved(next)).not.toEqual(before);
  });

  test("does not begin a slow start that has no end in sight", () => {
    const policy = roundRobin({ slowStart: { windowMs: 1000 } });
    const { cluster, clock } = setUp({ hosts: HOSTS, policy });
    clock.advance(1e9);
    cluster.update({ remove: HOSTS });
    cluster.update({ add: [{ hosts: HOSTS.slice(0, 1) }] });
    const { cluster: next, clock: young } = other({ hosts: HOSTS, policy }, saved(cluster));
    young.advance(1000);
    expect(Object.values(spread(next, 30))).toEqual([10, 10, 10]);
  });
});

test.each([[[3, 5, 7]], [[1, 1, 10]], [[2, 4, 4]], [[1, 1, 1]]])(
  "goes on where a rotation by weights %j stood",
  (weights) => {
    const hosts = HOSTS.map((address, index) => ({ address, weight: weights[index] ?? 1 }));
    const options = { hosts, policy: roundRobin() };
    const sequence = (of: ReturnType<typeof createCluster>, length: number): string[] =>
      Array.from({ length }, () => {
        const pick = picked(of.pick());
        pick.done(OK);
        return pick.host.address;
      });
    const { cluster } = setUp(options);
    for (let round = 0; round < 5; round++) {
      sequence(cluster, 11);
      const { cluster: next } = other(options, saved(cluster));
      expect(sequence(next, 45)).toEqual(sequence(cluster, 45));
    }
  },
);

describe("a snapshot of another configuration", () => {
  test("puts nobody on a trial that this one does not know, and its jitter is not ours", () => {
    const probation = { ...EJECTING, probation: { permits: 1, successes: 5 }, maxEjectionTimeJitterMs: 1e9 };
    const { cluster, clock } = setUp({ hosts: HOSTS, outlierDetection: probation });
    failUntilEjected(cluster, HOSTS[0] ?? "", 1);
    const out = saved(cluster);
    const { cluster: next } = other({ hosts: HOSTS, outlierDetection: EJECTING }, out, clock);
    clock.advance(1000);
    next.tick();
    expect(next.host(HOSTS[0] ?? "")?.health).toBe("healthy");
    clock.advance(2e9);
    cluster.tick();
    expect(cluster.host(HOSTS[0] ?? "")?.health).toBe("healthy");
    const { cluster: third } = other({ hosts: HOSTS, outlierDetection: EJECTING }, saved(cluster), clock);
    const held = Array.from({ length: 6 }, () => picked(third.pick()));
    expect(held.map((pick) => pick.host.health)).toEqual(Array(6).fill("healthy"));
  });

  test("without a detector or checks nothing stays out", () => {
    const healthCheck = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 };
    const { cluster } = setUp({ hosts: HOSTS, outlierDetection: EJECTING, healthCheck });
    for (const address of HOSTS) cluster.reportHealthCheck(address, address === HOSTS[2] ? "fail" : "ok");
    failUntilEjected(cluster, HOSTS[0] ?? "", 1);
    const { cluster: next } = other({ hosts: HOSTS }, saved(cluster));
    expect(Object.values(spread(next, 30))).toEqual([10, 10, 10]);
  });
});

test("what checks found is known at once to the next cluster, but not how far it was to a threshold", () => {
  const healthCheck = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 2, unhealthyThreshold: 3 };
  const options = { hosts: HOSTS, healthCheck };
  const { cluster } = setUp(options);
  const [good = "", bad = "", unknown = ""] = HOSTS;
  cluster.reportHealthCheck(good, "ok");
  cluster.reportHealthCheck(good, "timeout");
  cluster.reportHealthCheck(good, "timeout");
  cluster.reportHealthCheck(bad, "fail");
  const { cluster: next } = other(
    { ...options, healthCheck: { ...healthCheck, unhealthyThreshold: 2 } },
    saved(cluster),
  );
  expect(HOSTS.map((address) => next.host(address)?.health)).toEqual(["healthy", "unhealthy", "unhealthy"]);
  next.reportHealthCheck(good, "timeout");
  expect(next.host(good)?.health).toBe("healthy");
  next.reportHealthCheck(good, "timeout");
  expect(next.host(good)?.health).toBe("unhealthy");
  next.reportHealthCheck(unknown, "ok");
  expect(next.host(unknown)?.health).toBe("healthy");
});

test("a host that was kept for its check goes when the snapshot knows better, and is not counted as ejected", () => {
  const healthCheck = { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 };
  const { cluster } = setUp({ hosts: HOSTS, healthCheck, outlierDetection: { ...EJECTING, maxEjectionPercent: 100 } });
  const [kept = ""] = HOSTS;
  cluster.reportHealthCheck(kept, "ok");
  failUntilEjected(cluster, kept, 1);
  cluster.reportHealthCheck(kept, "fail");
  const failed = saved(cluster);
  cluster.reportHealthCheck(kept, "ok");
  cluster.update({ remove: [kept] });
  expect(cluster.host(kept)).toBeDefined();
  cluster.restore(failed);
  expect(cluster.host(kept)).toBeUndefined();
  expect(cluster.stats()["outlier_detection.ejections_active"]).toBe(0);
});

test("reported load counts on without a new blackout", () => {
  const policy = clientSideWeightedRoundRobin({ blackoutPeriodMs: 10_000 });
  const options = { hosts: ["a:1", "b:1"], policy };
  const { cluster, clock } = setUp(options);
  const report = (of: typeof cluster): void => {
    const pick = picked(of.pick());
    // 100 requests a second at 10 % are ten times as much as at 100 %.
    pick.done({ ...OK, load: { rps: 100, cpuUtilization: pick.host.address === "a:1" ? 0.1 : 1 } });
  };
  for (let second = 0; second < 15; second++) {
    report(cluster);
    report(cluster);
    clock.advance(1000);
    cluster.tick();
  }
  expect(spread(cluster, 110)).toEqual({ "a:1": 100, "b:1": 10 });
  const { cluster: next } = other(options, saved(cluster), clock);
  expect(spread(next, 110)).toEqual({ "a:1": 100, "b:1": 10 });
});

test("a client keeps its random subset", () => {
  const hosts = Array.from({ length: 40 }, (_, index) => `10.0.0.${index}:80`);
  const options = { hosts, policy: randomSubsetting({ subsetSize: 5, childPolicy: roundRobin() }) };
  const { cluster } = setUp(options);
  const chosen = Object.keys(spread(cluster, 50)).sort();
  expect(chosen).toHaveLength(5);
  expect(Object.keys(spread(other(options, saved(cluster)).cluster, 50)).sort()).toEqual(chosen);
  const { balancer } = saved(cluster);
  for (const seed of [null, 5, { hi: -1, lo: 0 }, { hi: 1.5, lo: 2 }, { hi: "1", lo: 2 }]) {
    expect(Object.keys(spread(other(options, { balancer: { ...balancer, seed } }).cluster, 50))).toHaveLength(5);
  }
});

test("subsets go on where they stood, each for itself", () => {
  const hosts = ["a", "a", "a", "b", "b"].map((version, i) => ({ address: `h${i}:1`, metadata: { version } }));
  const options = { hosts, policy: subset({ selectors: [{ keys: ["version"] }], fallbackPolicy: "ANY_ENDPOINT" }) };
  const { cluster } = setUp(options);
  const next = (of: typeof cluster, version?: string): string => {
    const pick = picked(of.pick(version === undefined ? {} : { metadataMatch: { version } }));
    pick.done(OK);
    return pick.host.address;
  };
  for (const version of ["a", "b", "a", undefined]) next(cluster, version);
  const { cluster: restored } = other(options, saved(cluster));
  for (const version of ["a", "b", undefined, "a"]) expect(next(restored, version)).toBe(next(cluster, version));
});

test("damage anywhere in a snapshot is left out, and every request still has a host", () => {
  const options: ClusterOptions = {
    hosts: HOSTS,
    outlierDetection: EJECTING,
    healthCheck: { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 1, unhealthyThreshold: 1 },
    policy: peakEwma(),
  };
  const { cluster } = setUp(options);
  for (const address of HOSTS) cluster.reportHealthCheck(address, "ok");
  for (let i = 0; i < 9; i++) picked(cluster.pick()).done(i % 4 === 0 ? ERROR : OK);
  const whole = saved(cluster);
  const damages = [null, -1, 1e308, "x", [], {}, true, { __proto__: null }];
  const damaged = (value: unknown, damage: unknown): unknown[] => {
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([key, inner]) => [
      { ...value, [key]: damage },
      ...damaged(inner, damage).map((each) => ({ ...value, [key]: each })),
    ]);
  };
  for (const damage of damages) {
    for (const snapshot of damaged(whole, damage)) {
      const { cluster: next, clock } = other(options, snapshot);
      for (const address of HOSTS) next.reportHealthCheck(address, "ok");
      for (let round = 0; round < 4; round++) {
        clock.advance(1000);
        next.tick();
        picked(next.pick()).done(OK);
      }
      const flagged = HOSTS.filter((address) => ((next.host(address)?.flags ?? 0) & 2) !== 0).length;
      expect(next.stats()).toMatchObject({ "outlier_detection.ejections_active": flagged, upstream_rq_active: 0 });
      expect(flagged).toBe(0);
    }
  }
});
