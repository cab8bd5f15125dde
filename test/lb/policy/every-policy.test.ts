import {
  type ClusterOptions,
  clientSideWeightedRoundRobin,
  createCluster,
  leastRequest,
  maglev,
  overrideHost,
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

const OK = { result: "response", status: 200 } as const;
const HOSTS = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];

const POLICIES: readonly { name: string; policy: () => Policy }[] = [
  { name: "round robin", policy: () => roundRobin() },
  { name: "round robin with slow start", policy: () => roundRobin({ slowStart: { windowMs: 60_000 } }) },
  { name: "static stride", policy: () => staticStride() },
  { name: "least request", policy: () => leastRequest() },
  { name: "least request, distinct", policy: () => leastRequest({ selection: "distinct", choiceCount: 3 }) },
  { name: "least request, full scan", policy: () => leastRequest({ selection: "full-scan" }) },
  { name: "random", policy: () => random() },
  { name: "ring hash", policy: () => ringHash() },
  { name: "ring hash with bounded load", policy: () => ringHash({ hashBalanceFactor: 150 }) },
  { name: "maglev", policy: () => maglev({ tableSize: 1009 }) },
  { name: "maglev with bounded load", policy: () => maglev({ tableSize: 1009, hashBalanceFactor: 125 }) },
  { name: "peak EWMA", policy: () => peakEwma() },
  { name: "client-side weighted round robin", policy: () => clientSideWeightedRoundRobin() },
  { name: "subset", policy: () => subset({ selectors: [], fallbackPolicy: "ANY_ENDPOINT" }) },
  {
    name: "override host",
    policy: () => overrideHost({ sources: [{ header: "x-host" }], fallbackPolicy: roundRobin() }),
  },
  { name: "random subsetting", policy: () => randomSubsetting({ subsetSize: 10, childPolicy: roundRobin() }) },
];

function setUp(policy: Policy, options: ClusterOptions = { hosts: HOSTS }, seed = 1) {
  const clock = manualScheduler();
  return {
    clock,
    cluster: createCluster({ updateMergeWindowMs: 0, ...options, policy }, { clock, random: seededRandom(seed) }),
  };
}

function addresses(cluster: ReturnType<typeof setUp>["cluster"], picks: number): string[] {
  return Array.from({ length: picks }, () => {
    const pick = cluster.pick();
    if (pick.kind === "none") return pick.reason;
    pick.done(OK);
    return pick.host.address;
  });
}

describe.each(POLICIES)("$name", ({ policy }) => {
  test("an empty cluster gives no host", () => {
    expect(addresses(setUp(policy(), {}).cluster, 3)).toEqual(Array(3).fill("no-healthy-host"));
  });

  test("a single host takes everything", () => {
    expect(new Set(addresses(setUp(policy(), { hosts: ["a:1"] }).cluster, 20))).toEqual(new Set(["a:1"]));
  });

  test("every host gets its share of equal ones", () => {
    const counts = new Map<string, number>();
    const { cluster } = setUp(policy());
    for (const address of addresses(cluster, 8000)) counts.set(address, (counts.get(address) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual(HOSTS);
    expect(Math.min(...counts.values())).toBeGreaterThan(1500);
    expect(Math.max(...counts.values())).toBeLessThan(2500);
  });

  test("the same seed gives the same picks", () => {
    expect(addresses(setUp(policy()).cluster, 50)).toEqual(addresses(setUp(policy()).cluster, 50));
  });

  test("an unhealthy host gets nothing, and is back once it is healthy", () => {
    const { cluster } = setUp(policy());
    addresses(cluster, 5);
    cluster.update({ change: [{ address: "10.0.0.2:80", health: "UNHEALTHY" }] });
    expect(addresses(cluster, 200)).not.toContain("10.0.0.2:80");
    cluster.update({ change: [{ address: "10.0.0.2:80", health: "HEALTHY" }] });
    expect(addresses(cluster, 200)).toContain("10.0.0.2:80");
  });

  test("in panic every host is used", () => {
    const { cluster } = setUp(policy(), { hosts: HOSTS.map((address) => ({ address, health: "UNHEALTHY" })) });
    expect([...new Set(addresses(cluster, 400))].sort()).toEqual(HOSTS);
    expect(cluster.stats()["lb_healthy_panic"]).toBeGreaterThan(0);
  });

  test("without panic a cluster of unhealthy hosts gives none", () => {
    const hosts = HOSTS.map((address) => ({ address, health: "UNHEALTHY" as const }));
    const { cluster } = setUp(policy(), { hosts, healthyPanicThreshold: 0 });
    expect(addresses(cluster, 2)).toEqual(Array(2).fill("no-healthy-host"));
  });

  test("hosts that come are used and hosts that go are not", () => {
    const { cluster } = setUp(policy());
    addresses(cluster, 5);
    cluster.update({ add: [{ hosts: ["10.0.0.9:80"] }], remove: ["10.0.0.1:80"] });
    const picked = new Set(addresses(cluster, 400));
    expect([...picked].sort()).toEqual(["10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.9:80"]);
  });

  test("traffic moves to the next priority when the first one is gone", () => {
    const { cluster } = setUp(policy(), { endpoints: [{ hosts: ["a:1"] }, { priority: 1, hosts: ["b:1"] }] });
    expect(new Set(addresses(cluster, 20))).toEqual(new Set(["a:1"]));
    cluster.update({ change: [{ address: "a:1", health: "DRAINING" }] });
    expect(new Set(addresses(cluster, 20))).toEqual(new Set(["b:1"]));
  });

  test("what it gives as snapshot it takes back", () => {
    const { cluster } = setUp(policy());
    addresses(cluster, 7);
    const next = setUp(policy(), { hosts: HOSTS }, 5).cluster;
    next.restore(JSON.parse(JSON.stringify(cluster.snapshot())));
    expect(HOSTS).toContain(addresses(next, 1)[0]);
  });
});
