import { createCluster, random, ringHash, roundRobin, type Scenario, simulate } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { describe, expect, test } from "vitest";

const SCENARIO: Scenario = {
  name: "test",
  requests: 1000,
  requestsPerSecond: 1000,
  arrivals: "constant",
  servers: [{ name: "web", count: 4, serviceMs: 5, distribution: "constant" }],
  candidates: [{ name: "round robin", options: { policy: roundRobin() } }],
};

const play = (changes: Partial<Scenario>) => simulate({ ...SCENARIO, ...changes }).candidates[0];

describe("simulate", () => {
  test("an even load on even servers: all alike, each as long as a server takes", () => {
    expect(play({})).toEqual({
      name: "round robin",
      latencyMs: { p50: 5, p90: 5, p99: 5, p999: 5 },
      failures: 0,
      refused: 0,
      retries: 0,
      ejections: 0,
      requestsByHost: { "web-0": 250, "web-1": 250, "web-2": 250, "web-3": 250 },
      leastShare: 0.25,
      mostShare: 0.25,
      unfairness: 0,
      keysMoved: 0,
    });
  });

  test("a queue in front of one place grows by what it cannot take", () => {
    // 100 requests 1 ms apart, 2 ms each: the last one is served from 198 ms on, and came at 99.
    const servers = [{ name: "one", serviceMs: 2, distribution: "constant", concurrency: 1 } as const];
    expect(play({ requests: 100, servers })?.latencyMs.p999).toBe(101);
  });

  test("a host that comes back has its weight and its metadata", () => {
    const servers = [
      { name: "big", weight: 9, metadata: { size: "big" } },
      { name: "small", weight: 1 },
    ];
    const events = [
      { at: 1, hosts: ["big"], remove: true },
      { at: 2, hosts: ["big"], add: true },
    ];
    // Nine tenths of nine seconds, and nothing of one.
    const requests = play({ requests: 10_000, servers, events })?.requestsByHost["big-0"] ?? 0;
    expect(Math.abs(requests - 8100)).toBeLessThanOrEqual(10);
  });

  test("retries keep to the limit of the cluster", () => {
    const failing = { retries: 2, servers: [{ name: "web", count: 4, failureRate: 1 }] };
    const limited = [{ name: "none", options: { circuitBreakers: [{ maxRetries: 0 }] } }];
    expect(play({ ...failing, candidates: limited })).toMatchObject({ retries: 0, failures: 1000 });
    expect(play(failing)).toMatchObject({ retries: 2000, failures: 1000 });
  });

  test("a ring moves about the keys of the host that leaves, random all that come again", () => {
    const keys = { requests: 20_000, keys: 500, servers: [{ name: "web", count: 10 }] };
    const events = [{ at: 10, hosts: ["web-3"], remove: true }];
    const candidates = [
      { name: "ring", options: { policy: ringHash() } },
      { name: "random", options: { policy: random() } },
    ];
    const [ring, any] = simulate({ ...SCENARIO, ...keys, events, candidates }).candidates;
    // A tenth of the keys, give or take how uneven a ring of 1024 entries is.
    expect(ring?.keysMoved).toBeGreaterThan(0.05);
    expect(ring?.keysMoved).toBeLessThan(0.16);
    expect(any?.keysMoved).toBe(1);
  });

  test("tells whoever watches how far it is", () => {
    const seen: string[] = [];
    const candidates = ["a", "b"].map((name) => ({ name }));
    simulate({ ...SCENARIO, requests: 10_000, candidates }, ({ candidate, arrived }) =>
      seen.push(`${candidate} ${arrived}`),
    );
    expect(seen).toEqual(["a 4096", "a 8192", "b 4096", "b 8192"]);
  });

  test.each<{ name: string; scenario: unknown; paths: readonly string[] }>([
    { name: "nothing", scenario: null, paths: ["scenario"] },
    { name: "a list", scenario: [], paths: ["scenario"] },
    {
      name: "an empty one",
      scenario: {},
      paths: ["name", "requests", "requestsPerSecond", "servers", "candidates"],
    },
    {
      name: "numbers that are none",
      scenario: { ...SCENARIO, requests: Number.NaN, requestsPerSecond: 0, clients: 1.5, retries: -1, keys: "many" },
      paths: ["requests", "requestsPerSecond", "clients", "retries", "keys"],
    },
    {
      name: "lists of something else",
      scenario: { ...SCENARIO, servers: [null, { name: "", weight: 2 ** 32 }], candidates: {}, events: [{ at: 1 }] },
      paths: ["servers[0]", "servers[1].name", "servers[1].weight", "candidates", "events[0].hosts"],
    },
    {
      name: "keys of a prototype",
      scenario: { ...SCENARIO, ...JSON.parse('{"__proto__": 1, "constructor": 1}') },
      paths: ["__proto__", "constructor"],
    },
    {
      name: "names that are taken, or nobody's",
      scenario: {
        ...SCENARIO,
        servers: [{ name: "a" }, { name: "a" }],
        candidates: [{ name: "c" }, { name: "c" }],
        events: [{ at: 1, hosts: ["a-0", "a-1"], remove: true }],
      },
      paths: ["servers[1].name", "candidates[1].name", "events[0].hosts[1]"],
    },
    {
      name: "more than can be held",
      scenario: { ...SCENARIO, clients: 10_000, servers: [{ name: "a", count: 1000 }] },
      paths: ["servers"],
    },
  ])("refuses $name, with every place at once", ({ scenario, paths }) => {
    expect(() => simulate(scenario as Scenario)).toThrow(
      expect.objectContaining({
        code: "ERR_LB_CONFIG_INVALID",
        issues: paths.map((path) => expect.objectContaining({ path })),
      }),
    );
  });

  test("a candidate's options are refused as a cluster's are", () => {
    const candidates = [{ name: "c", options: { overprovisioningFactor: 0 } }];
    const deps = { clock: manualScheduler(), random: seededRandom(1) };
    let said = "";
    try {
      createCluster(candidates[0]?.options ?? {}, deps);
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain("overprovisioning_factor");
    expect(() => simulate({ ...SCENARIO, candidates })).toThrow(said.replace("LbError: ", ""));
  });
});
