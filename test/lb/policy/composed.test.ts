import {
  clientSideWeightedRoundRobin,
  leastRequest,
  maglev,
  overrideHost,
  type Pick,
  peakEwma,
  previousPriorities,
  ringHash,
  roundRobin,
  subset,
} from "@weftmesh/lb";
import { describe, expect, test } from "vitest";
import { OK, picked, setUp, spread } from "../picking.js";

const NONE: Pick = { kind: "none", reason: "no-healthy-host" };
const CPU: Readonly<Record<string, number>> = { "a:1": 0.1, "b:1": 1, "c:1": 1 };

describe("reported load", () => {
  const policy = clientSideWeightedRoundRobin({ blackoutPeriodMs: 0 });
  const load = (address: string) => ({ rps: 100, cpuUtilization: CPU[address] ?? 1 });

  test("counts within a subset as well", () => {
    const hosts = ["a:1", "b:1", "x:1"].map((address) => ({ address, metadata: { set: address === "x:1" ? 2 : 1 } }));
    const { cluster, clock } = setUp({ hosts, policy: subset({ selectors: [{ keys: ["set"] }], policy }) });
    const pick = () => picked(cluster.pick({ metadataMatch: { set: 1 } }));
    for (let i = 0; i < 4; i++) {
      const each = pick();
      each.done({ ...OK, load: load(each.host.address) });
    }
    expect(cluster.nextTickAt).toBe(1000);
    clock.advance(1000);
    cluster.tick();
    const seen = Array.from({ length: 110 }, () => {
      const each = pick();
      each.done(OK);
      return each.host.address;
    });
    // Weights are 100 / 0.1 and 100 / 1.
    expect(seen.filter((address) => address === "a:1")).toHaveLength(100);
  });

  test("a host that comes weighs the median from its first request on", () => {
    const { cluster, clock } = setUp({ hosts: ["b:1", "c:1"], policy });
    for (let i = 0; i < 4; i++) {
      const pick = picked(cluster.pick());
      pick.done({ ...OK, load: load(pick.host.address) });
    }
    clock.advance(1000);
    cluster.tick();
    cluster.update({ add: [{ hosts: ["d:1"] }] });
    expect(spread(cluster, 30)).toEqual({ "b:1": 10, "c:1": 10, "d:1": 10 });
  });

  test("numbers that are none say nothing", () => {
    const { cluster, clock } = setUp({ hosts: ["a:1", "b:1"], policy });
    const wrong = [
      { rps: Number.NaN, cpuUtilization: 1 },
      { rps: 1, cpuUtilization: Number.NaN },
      { rps: 1, cpuUtilization: 1, eps: Number.NaN },
      { rps: 1, cpuUtilization: 1, eps: -9 },
      { rps: -1, cpuUtilization: -1 },
    ];
    for (const each of wrong) for (let i = 0; i < 2; i++) picked(cluster.pick()).done({ ...OK, load: each });
    clock.advance(1000);
    cluster.tick();
    expect(spread(cluster, 20)).toEqual({ "a:1": 10, "b:1": 10 });
  });
});

describe("override host", () => {
  const sources = [{ header: "x-host" }, { metadata: { filter: "f", path: ["h"] } }] as const;
  const selectedHostKey = { filter: "picked", path: ["by", "lb"] };

  test("the chosen host is written where it is wanted, also that of the fallback, and not when only explained", () => {
    const written: unknown[] = [];
    const policy = overrideHost({ sources, fallbackPolicy: roundRobin(), selectedHostKey });
    const { cluster } = setUp({ hosts: ["a:1"], policy });
    const context = { setDynamicMetadata: (...call: unknown[]) => void written.push(call) };
    cluster.explain(context);
    picked(cluster.pick(context)).done(OK);
    picked(cluster.pick({ ...context, header: () => "a:1" })).done(OK);
    expect(written).toEqual(Array(2).fill(["picked", ["by", "lb"], "a:1"]));
  });

  test("a health change does not forget hosts, one that is gone is forgotten", () => {
    const policy = overrideHost({ sources, fallbackPolicy: roundRobin() });
    const { cluster } = setUp({ hosts: ["a:1", "b:1"], policy, updateMergeWindowMs: 0 });
    const context = { header: () => "b:1" };
    expect(picked(cluster.pick(context)).host.address).toBe("b:1");
    cluster.update({ change: [{ address: "b:1", health: "UNHEALTHY" }] });
    expect(picked(cluster.pick(context)).host.address).toBe("b:1");
    cluster.update({ remove: ["b:1"] });
    expect(picked(cluster.pick(context)).host.address).toBe("a:1");
  });
});

describe("tables", () => {
  test("say their sizes by Envoy's names", () => {
    const ring = setUp({ hosts: ["a:1", "b:1"], policy: ringHash({ minimumRingSize: 6 }) }).cluster;
    picked(ring.pick()).done(OK);
    expect(ring.stats()).toMatchObject({
      "ring_hash_lb.size": 6,
      "ring_hash_lb.min_hashes_per_host": 3,
      "ring_hash_lb.max_hashes_per_host": 3,
    });
    const table = setUp({ hosts: ["a:1", "b:1"], policy: maglev({ tableSize: 5 }) }).cluster;
    picked(table.pick()).done(OK);
    expect(table.stats()).toMatchObject({ "maglev_lb.min_entries_per_host": 2, "maglev_lb.max_entries_per_host": 3 });
  });

  test("a weight that ends the need of another priority ends its panic", () => {
    const bad = { health: "UNHEALTHY" as const };
    const endpoints = [
      {
        hosts: [
          { address: "a:1", weight: 1 },
          { address: "b:1", ...bad, weight: 100 },
          { address: "c:1", ...bad },
        ],
      },
      {
        priority: 1,
        hosts: [
          { address: "d:1", weight: 1 },
          { address: "e:1", ...bad, weight: 100 },
        ],
      },
    ];
    const options = { endpoints, weightedPriorityHealth: true, updateMergeWindowMs: 0, policy: ringHash() };
    const { cluster } = setUp(options);
    const hosts = (): string[] =>
      [...new Set(Array.from({ length: 300 }, () => picked(cluster.pick()).host.address))].sort();
    expect(hosts()).toContain("b:1");
    // Now the second priority alone can take everything that the first cannot, so nobody panics.
    cluster.update({ change: [{ address: "d:1", weight: 10_000 }] });
    expect(hosts()).toEqual(["a:1", "d:1"]);
  });
});

describe("as Envoy 1.40 was seen to do", () => {
  test("a table keeps to the priority of the hash, whatever priorities were tried", () => {
    const endpoints = [{ hosts: ["a:1"] }, { priority: 1, hosts: ["b:1"] }];
    const { cluster } = setUp({ endpoints, policy: maglev({ tableSize: 251 }) });
    const first = picked(cluster.pick({ hash: 5n }));
    const context = { hash: 5n, attempted: [first.host], retryPriority: previousPriorities(1) };
    expect(picked(cluster.pick(context)).host.address).toBe(first.host.address);
  });

  test("an empty hash key is none", () => {
    const hosts = ["a:1", "b:1", "c:1"].map((address) => ({ address, metadata: { hash_key: "" } }));
    const keyless = ["a:1", "b:1", "c:1"];
    const [empty, without] = [hosts, keyless].map((each) => setUp({ hosts: each, policy: ringHash() }).cluster);
    for (let hash = 0n; hash < 2n ** 64n; hash += 2n ** 58n) {
      const [one, other] = [empty, without].map((cluster) => picked(cluster?.pick({ hash }) ?? NONE).host.address);
      expect(one).toBe(other);
    }
  });

  test("a locality of which a subset has too little has no share", () => {
    const zone = (name: string, versions: readonly number[]) => ({
      locality: { zone: name },
      weight: 1,
      hosts: versions.map((version, i) => ({ address: `${name}${i}:1`, metadata: { version } })),
    });
    const policy = subset({
      selectors: [{ keys: ["version"] }],
      policy: roundRobin({ locality: { kind: "locality-weighted" } }),
      localityWeightAware: true,
      scaleLocalityWeight: true,
    });
    // Two of five are 0.4 of the weight 1, which rounds to nothing; one of one is all of it.
    const { cluster } = setUp({ endpoints: [zone("a", [1, 1, 2, 2, 2]), zone("b", [1])], policy });
    const seen = Array.from({ length: 20 }, () => picked(cluster.pick({ metadataMatch: { version: 1 } })).host.address);
    expect(new Set(seen)).toEqual(new Set(["b0:1"]));
  });
});

test("a response time that is none wins and loses no comparison for ever", () => {
  for (const latencyMs of [Number.NaN, Number.NEGATIVE_INFINITY, -1e9, Number.POSITIVE_INFINITY]) {
    const { cluster, clock } = setUp({ hosts: ["a:1", "b:1"], policy: peakEwma() });
    picked(cluster.pick()).done({ ...OK, latencyMs });
    picked(cluster.pick()).done({ result: "response", status: 503, retryAfterMs: Number.NaN, latencyMs });
    clock.advance(600_000);
    const seen = Array.from({ length: 40 }, () => {
      const pick = picked(cluster.pick());
      pick.done({ ...OK, latencyMs: 20 });
      return pick.host.address;
    });
    expect(new Set(seen).size).toBe(2);
  }
});

test("criteria that are none ask for no subset", () => {
  const policy = subset({ selectors: [{ keys: ["a"] }], fallbackPolicy: "ANY_ENDPOINT", policy: leastRequest() });
  const { cluster } = setUp({ hosts: ["a:1"], policy });
  for (const metadataMatch of [null, 5, "a", true]) {
    expect(cluster.pick({ metadataMatch: metadataMatch as never }).kind).toBe("host");
  }
});
