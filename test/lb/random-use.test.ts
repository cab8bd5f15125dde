import {
  type CheckResult,
  type Cluster,
  type ClusterOptions,
  clientSideWeightedRoundRobin,
  createCluster,
  type EndpointGroup,
  type EndpointHealth,
  type HostDelta,
  type HostOptions,
  type HostPick,
  leastRequest,
  maglev,
  type OutcomeResult,
  overrideHost,
  type Policy,
  peakEwma,
  previousHosts,
  previousPriorities,
  randomSubsetting,
  ringHash,
  roundRobin,
  subset,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { expect, test } from "vitest";

const HEALTH: readonly EndpointHealth[] = ["UNKNOWN", "HEALTHY", "UNHEALTHY", "DRAINING", "TIMEOUT", "DEGRADED"];
const CHECKS: readonly CheckResult[] = ["ok", "ok", "degraded", "fail", "retriable", "network", "timeout"];
const ENDS: readonly OutcomeResult[] = [
  "response",
  "response",
  "request-failed",
  "timeout",
  "connect-failed",
  "aborted",
];
const SELECTORS = [
  { keys: ["v"] },
  { keys: ["v", "s"], fallbackPolicy: "KEYS_SUBSET", fallbackKeysSubset: ["v"] },
  { keys: ["id"], singleHostPerSubset: true },
] as const;
const byVersion = (policy: Policy): Policy =>
  subset({ selectors: SELECTORS, fallbackPolicy: "DEFAULT_SUBSET", defaultSubset: { v: 1 }, listAsAny: true, policy });

const POLICIES: Readonly<Record<string, () => Policy>> = {
  "zones by weight": () => roundRobin({ slowStart: { windowMs: 3000 }, locality: { kind: "locality-weighted" } }),
  "zone aware": () => leastRequest({ locality: { kind: "zone-aware", minClusterSize: 1 } }),
  "bounded table": () => maglev({ tableSize: 251, hashBalanceFactor: 120 }),
  ring: () => ringHash({ minimumRingSize: 64, maximumRingSize: 512, localityWeighted: true }),
  "reported load in subsets": () => byVersion(clientSideWeightedRoundRobin({ blackoutPeriodMs: 0 })),
  "override host": () => overrideHost({ sources: [{ header: "h" }], fallbackPolicy: byVersion(peakEwma()) }),
  "random subsetting": () => randomSubsetting({ subsetSize: 4, childPolicy: byVersion(leastRequest()) }),
};

/** Everything that may be done with a cluster, in any order, with handlers that join in. */
function use(seed: number, policy: Policy, steps: number): void {
  const random = seededRandom(seed);
  const draw = (below: number): number => Math.floor(random() * below);
  const from = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
  const clock = manualScheduler();
  const name = (): string => `h${draw(12)}:1`;
  const host = (): HostOptions => {
    const metadata = { v: draw(3), s: draw(2) === 0 ? "x" : ["x", "y"], id: draw(4) };
    return { address: name(), weight: 1 + draw(5), health: from(HEALTH), metadata };
  };
  const groups = (): EndpointGroup[] =>
    Array.from({ length: 1 + draw(4) }, () => {
      const hosts = Array.from({ length: draw(5) }, host);
      return { locality: { zone: from(["a", "b", "c"]) }, priority: draw(3), weight: draw(4), hosts };
    });
  const deltas: readonly (() => HostDelta)[] = [
    () => ({ add: groups() }),
    () => ({ replace: groups() }),
    () => ({ change: [host(), host()] }),
    () => ({ add: groups(), remove: [name(), name()], change: [host()] }),
  ];
  const options: ClusterOptions = {
    endpoints: [{ locality: { zone: "a" }, weight: 2, hosts: ["h0:1", "h1:1"] }],
    policy,
    updateMergeWindowMs: 500 * (seed % 2),
    outlierDetection: {
      consecutive5xx: 2,
      enforcingConsecutiveGatewayFailure: 50,
      maxEjectionPercent: 80,
      baseEjectionTimeMs: 800,
      intervalMs: 700,
      detectDegradedHosts: true,
      ...(seed % 3 === 0 && { probation: { permits: 1, successes: 2 } }),
    },
    ...(seed % 3 === 1 && {
      healthCheck: { intervalMs: 1000, timeoutMs: 100, healthyThreshold: 2, unhealthyThreshold: 2 },
    }),
    local: { locality: { zone: "a" }, cluster: createCluster({ hosts: ["l:1"] }, { clock, random }) },
    onEvent() {
      if (draw(5) === 0) held.push(...hostOf(cluster));
      if (draw(7) === 0) cluster.update({ remove: [name()] });
    },
  };
  const hostOf = (of: Cluster): HostPick[] => {
    const attempted = held.length > 0 && draw(3) === 0 ? held.slice(0, 1).map((pick) => pick.host) : [];
    const pick = of.pick({
      hash: { hi: draw(2 ** 32), lo: draw(2 ** 32) },
      metadataMatch: { v: draw(4), ...(draw(2) === 0 && { s: "x" }) },
      header: () => name(),
      attempted,
      hostPredicates: [previousHosts],
      hostSelectionRetryMaxAttempts: draw(4),
      retryPriority: previousPriorities(1 + draw(2)),
      ...(draw(6) === 0 && { overrideHost: { address: name(), strict: draw(2) === 0 } }),
    });
    return pick.kind === "host" ? [pick] : [];
  };
  const held: HostPick[] = [];
  const cluster = createCluster(options, { clock, random });
  let snapshot: unknown;
  const actions: readonly (() => void)[] = [
    () => held.push(...hostOf(cluster)),
    () => held.push(...hostOf(cluster)),
    () => {
      const load = { rps: draw(100), cpuUtilization: random(), eps: draw(5) };
      const outcome = { result: from(ENDS), status: from([200, 503]), latencyMs: draw(100), degraded: draw(5) === 0 };
      const [pick] = held.splice(draw(held.length), 1);
      pick?.done({ ...outcome, immediateHealthCheckFail: draw(12) === 0, load });
    },
    () => cluster.update(from(deltas)()),
    () => void cluster.reportHealthCheck(name(), from(CHECKS)),
    () => {
      clock.advance(draw(900));
      cluster.tick();
    },
    () => void cluster.explain({ metadataMatch: { v: draw(3) } }),
    () => {
      if (draw(4) > 0) snapshot = JSON.parse(JSON.stringify(cluster.snapshot()));
      else cluster.restore(snapshot);
    },
  ];
  for (let step = 0; step < steps; step++) {
    from(actions)();
    const hosts = cluster.prioritySet.levels.flatMap((level) => level.hosts);
    const flagged = hosts.filter((each) => (each.flags & 2) !== 0).length;
    const stats = cluster.stats();
    const expected = [hosts.length, flagged, held.length];
    const seen = [stats["membership_total"], stats["outlier_detection.ejections_active"], stats["upstream_rq_active"]];
    if (String(seen) !== String(expected)) throw new Error(`seed ${seed}, step ${step}: ${seen}, not ${expected}`);
  }
  for (const pick of held.splice(0)) pick.done({ result: "response", status: 200 });
  expect(cluster.stats()).toMatchObject({ "circuit_breakers.default.rq_open": 0 });
}

test.each(Object.entries(POLICIES))(
  "%s: whatever is done in whatever order, nothing throws and every count is true",
  (_, policy) => {
    for (let seed = 1; seed <= 9; seed++) use(seed, policy(), 250);
  },
);
