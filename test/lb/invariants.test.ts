import {
  clientSideWeightedRoundRobin,
  createCluster,
  createHashRing,
  createMaglevTable,
  type LbEvent,
  leastRequest,
  maglev,
  overrideHost,
  type PickContext,
  type Policy,
  peakEwma,
  random,
  randomSubsetting,
  ringHash,
  roundRobin,
  staticStride,
  subset,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";
import { HOSTS, OK, picked, setUp, spread } from "./picking.js";

const POLICIES: Readonly<Record<string, () => Policy>> = {
  "round robin": roundRobin,
  "round robin by zone": () => roundRobin({ locality: { kind: "locality-weighted" } }),
  "zone aware": () => roundRobin({ locality: { kind: "zone-aware", minClusterSize: 1 } }),
  "static stride": staticStride,
  "least request": leastRequest,
  "least request, distinct": () => leastRequest({ selection: "distinct" }),
  "least request, a sample": () => leastRequest({ selection: "distinct", choiceCount: 3 }),
  "least request, full scan": () => leastRequest({ selection: "full-scan" }),
  random,
  // Weights this unequal make a ring as large as it may get, which by default is eight million entries.
  "ring hash": () => ringHash({ maximumRingSize: 65_536 }),
  "ring hash, bounded": () => ringHash({ maximumRingSize: 65_536, hashBalanceFactor: 100 }),
  maglev: () => maglev({ tableSize: 251 }),
  "peak EWMA": peakEwma,
  "reported load": clientSideWeightedRoundRobin,
  subset: () => subset({ selectors: [{ keys: ["a"] }], fallbackPolicy: "ANY_ENDPOINT" }),
  "override host": () => overrideHost({ sources: [{ header: "x" }], fallbackPolicy: roundRobin() }),
  "random subsetting": () => randomSubsetting({ subsetSize: 2, childPolicy: roundRobin() }),
};

describe.each(Object.entries(POLICIES))("%s", (_, policy) => {
  test.each([Number.NaN, 1, 2, -1, Number.POSITIVE_INFINITY])(
    "a source of chance that gives %s harms nobody",
    (drawn) => {
      const endpoints = [
        { locality: { zone: "a" }, weight: 1, hosts: HOSTS },
        { locality: { zone: "b" }, weight: 2, priority: 1, hosts: [{ address: "10.0.1.1:80", weight: 3 }] },
      ];
      const cluster = createCluster(
        { endpoints, policy: policy(), local: { locality: { zone: "a" } } },
        { clock: manualScheduler(), random: () => drawn },
      );
      for (let i = 0; i < 20; i++) {
        const pick = cluster.pick();
        if (pick.kind === "host") pick.done(OK);
        expect(() => cluster.explain()).not.toThrow();
      }
    },
  );

  test("whatever is given as context, a pick is an answer and no exception", () => {
    const { cluster } = setUp({ hosts: HOSTS, policy: policy() });
    const contexts = [
      null,
      undefined,
      {},
      { hash: 2n ** 70n },
      { hash: { hi: Number.NaN, lo: -1 } },
      { attempted: [], hostPredicates: [] },
      { metadataMatch: { a: [{ b: null }] } },
      { header: () => "::,,x" },
      { hostSelectionRetryMaxAttempts: Number.NaN, attempted: [cluster.host(HOSTS[0] ?? "")] },
    ];
    for (const context of contexts) {
      const pick = cluster.pick(context as PickContext);
      expect(["host", "none"]).toContain(pick.kind);
      if (pick.kind === "host") pick.done(OK);
    }
  });

  test("hosts with the greatest weight there is share with the smallest", () => {
    const hosts = [
      { address: "a:1", weight: 0xffff_fff0 },
      { address: "b:1", weight: 1 },
      { address: "c:1", weight: 2 },
    ];
    const { cluster } = setUp({ hosts, policy: policy() });
    for (let i = 0; i < 200; i++) {
      const pick = cluster.pick({ hash: { hi: i * 7_654_321, lo: i } });
      if (pick.kind === "host") pick.done(OK);
    }
  });
});

test("a hundred thousand hosts, many of them named twice, are hosts once each", () => {
  const hosts = Array.from({ length: 120_000 }, (_, index) => {
    const each = index % 100_000;
    return `10.${each >> 16}.${(each >> 8) & 255}.${each & 255}:80`;
  });
  for (const policy of [roundRobin(), leastRequest(), peakEwma(), maglev({ tableSize: 1_000_003 })]) {
    const { cluster } = setUp({ hosts, policy });
    expect(cluster.stats()["membership_total"]).toBe(100_000);
    picked(cluster.pick()).done(OK);
  }
}, 60_000);

describe("no starvation", () => {
  test.each(["round robin", "static stride", "least request"])(
    "%s picks a host of one thousandth of the weight",
    (name) => {
      const hosts = [{ address: "light:1", weight: 1 }, ...HOSTS.map((address) => ({ address, weight: 1000 }))];
      const policy = POLICIES[name]?.() ?? roundRobin();
      const counts = spread(setUp({ hosts, policy }).cluster, 30_010);
      expect(counts["light:1"]).toBeGreaterThanOrEqual(9);
      expect(counts["light:1"]).toBeLessThanOrEqual(11);
    },
  );

  test("peak EWMA comes back to a host that was slow, once it is idle for long", () => {
    const { cluster, clock } = setUp({ hosts: ["a:1", "b:1"], policy: peakEwma() });
    const slow = picked(cluster.pick());
    slow.done({ ...OK, latencyMs: 60_000 });
    const after: string[] = [];
    for (let second = 0; second < 300; second++) {
      clock.advance(1000);
      const pick = picked(cluster.pick());
      pick.done({ ...OK, latencyMs: 5 });
      after.push(pick.host.address);
    }
    expect(after.slice(0, 30)).not.toContain(slow.host.address);
    expect(after).toContain(slow.host.address);
  });
});

describe("keys that move when one of a hundred hosts goes", () => {
  const keys = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}:80`);
  const entries = (list: readonly string[]) => list.map((key) => ({ key, weight: 1 / list.length }));
  const draw = seededRandom(7);
  const hashes = Array.from({ length: 20_000 }, () => [draw(), draw()].map((each) => Math.floor(each * 2 ** 32)));

  test.each([
    { name: "ring", make: (list: readonly string[]) => createHashRing(entries(list)), bound: 0.013 },
    {
      name: "ring with 656 entries a host",
      make: (list: readonly string[]) => createHashRing(entries(list), { minimumRingSize: 656 * list.length }),
      bound: 0.013,
    },
    { name: "maglev", make: (list: readonly string[]) => createMaglevTable(entries(list)), bound: 0.02 },
  ])("$name: at most $bound of all, whichever it is of ten", ({ make, bound }) => {
    const before = make(keys);
    let moved = 0;
    for (let gone = 0; gone < 100; gone += 10) {
      const rest = keys.toSpliced(gone, 1);
      const after = make(rest);
      for (const [hi = 0, lo = 0] of hashes) {
        if (keys[before.choose(hi, lo, 0)] !== rest[after.choose(hi, lo, 0)]) moved += 1;
      }
    }
    expect(moved / hashes.length / 10).toBeLessThanOrEqual(bound);
    expect(moved / hashes.length / 10).toBeGreaterThan(0.005);
  });
});

describe("ejections", () => {
  test("at most one a host and sweep, and what is counted as out is out, over 100,000 outcomes", () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `10.0.0.${index}:80`);
    const events: LbEvent[] = [];
    const { cluster, clock } = setUp({
      hosts,
      healthyPanicThreshold: 0,
      outlierDetection: {
        intervalMs: 1000,
        baseEjectionTimeMs: 1500,
        maxEjectionPercent: 60,
        splitExternalLocalOriginErrors: true,
        successRateRequestVolume: 10,
        successRateStdevFactor: 500,
        failurePercentageRequestVolume: 10,
        failurePercentageThreshold: 40,
        enforcingFailurePercentage: 100,
        enforcingFailurePercentageLocalOrigin: 100,
        enforcingConsecutiveGatewayFailure: 50,
      },
      onEvent: (event) => events.push(event),
    });
    const draw = seededRandom(11);
    let failing = new Set<string>();
    for (let step = 0; step < 100_000; step++) {
      if (step % 5000 === 0) failing = new Set(hosts.filter(() => draw() < 0.3));
      const pick = cluster.pick();
      if (pick.kind === "host") {
        const bad = failing.has(pick.host.address) && draw() < 0.7;
        if (!bad) pick.done(OK);
        else if (draw() < 0.3) pick.done({ result: "connect-failed" });
        else pick.done({ result: "response", status: 500 + Math.floor(draw() * 5) });
      }
      if (step % 250 === 0) {
        events.length = 0;
        clock.advance(500);
        cluster.tick();
        const ejected = events.filter((event) => event.action === "EJECT").map((event) => JSON.stringify(event));
        const byHost = new Set(events.flatMap((event) => (event.action === "EJECT" ? [event.host] : [])));
        expect(ejected).toHaveLength(byHost.size);
      }
      const flagged = hosts.filter((address) => ((cluster.host(address)?.flags ?? 0) & 0x2) !== 0).length;
      if (flagged !== cluster.stats()["outlier_detection.ejections_active"])
        throw new Error(`step ${step}: ${flagged}`);
    }
    expect(cluster.stats()["outlier_detection.ejections_enforced_total"]).toBeGreaterThan(20);
  }, 30_000);
});

describe("connections", () => {
  test("max_connections by host lets each host have its own, and one always", () => {
    const { cluster } = setUp({ hosts: HOSTS, circuitBreakers: [{ maxConnectionsPerHost: 2 }] });
    const [a, b] = HOSTS.map((address) => cluster.host(address));
    const first = cluster.admit("connection", "DEFAULT", a);
    expect(cluster.admit("connection", "DEFAULT", a)).toBeDefined();
    expect(cluster.admit("connection", "DEFAULT", a)).toBeUndefined();
    expect(cluster.admit("connection", "DEFAULT", b)).toBeDefined();
    // As seen of Envoy 1.40: those of all priorities count, and each may have one.
    const high = cluster.admit("connection", "HIGH", a);
    expect(high).toBeDefined();
    first?.release();
    first?.release();
    expect(cluster.admit("connection", "DEFAULT", a)).toBeUndefined();
    high?.release();
    expect(cluster.admit("connection", "DEFAULT", a)).toBeDefined();
    expect(cluster.admit("connection", "DEFAULT", a)).toBeUndefined();
    const none = setUp({ hosts: HOSTS, circuitBreakers: [{ maxConnectionsPerHost: 0 }] }).cluster;
    expect(none.admit("connection", "DEFAULT", none.host(HOSTS[0] ?? ""))).toBeDefined();
  });
});
