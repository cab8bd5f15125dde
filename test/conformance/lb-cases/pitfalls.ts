import {
  type ClusterOptions,
  clientSideWeightedRoundRobin,
  createCluster,
  createEdf,
  type HostPick,
  lint,
  random,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import type { Outcome } from "../suite.js";
import { type CaseRunner, count, type LbCase, outcome, unknownForm } from "./case.js";
import { Bench } from "./outliers.js";
import { isNumbers } from "./schedules.js";

/** `pitfalls.json`: each is a property, named by its id. */
export const pitfalls: CaseRunner = (data) => {
  const property = PITFALLS.find(([name]) => data.id.startsWith(name))?.[1] ?? unknownForm;
  return property(data);
};

const PITFALLS: readonly (readonly [string, CaseRunner])[] = [
  ["wrr-blackout-endpoint-not-starved", blackout],
  ["priority-queue-order", heapOrder],
  ["fleet-desync", fleet],
  ["weight-99-1-first-pick", firstPick],
  ["one-ejection-per-host-per-tick", oneEjection],
  ["failure-percentage-threshold-zero", thresholdZero],
  ["threshold-lowered-below-counter", thresholdLowered],
  ["wrr-tiny-weight-not-starved", tinyWeight],
  ["wrr-skew-cost", skewCost],
  ["random", priorityCorrelation],
  ["priority", priorityCorrelation],
  ["degraded", degradedNotHashed],
];

function holds(good: boolean, expected: unknown, got: unknown): Outcome {
  return good ? { ok: true } : { ok: false, expected, got };
}

const OK = { result: "response", status: 200 } as const;

function picker(options: ClusterOptions, draw: () => number): () => number {
  const cluster = createCluster(options, { clock: manualScheduler(), random: draw });
  return () => {
    const pick = cluster.pick();
    if (pick.kind === "none") return -1;
    pick.done(OK);
    return Number.parseInt(pick.host.address, 10);
  };
}

function hostsWith(weights: readonly number[]) {
  return weights.map((weight, index) => ({ address: `${index}:1`, weight }));
}

/** An endpoint without a usable report takes the median of the others and gets its share. */
function blackout(data: LbCase): Outcome {
  const weights = data["weights"] as readonly (number | null)[];
  const picks = Number(data["picks"]);
  const clock = manualScheduler();
  const hosts = weights.map((_, index) => `${index}:1`);
  const cluster = createCluster(
    { hosts, policy: clientSideWeightedRoundRobin({ blackoutPeriodMs: 0 }) },
    { clock, random: seededRandom(1) },
  );
  const reported = new Set<string>();
  while (reported.size < hosts.length) {
    const pick = cluster.pick() as HostPick;
    const rps = weights[Number.parseInt(pick.host.address, 10)];
    reported.add(pick.host.address);
    pick.done({ ...OK, ...(rps && { load: { rps, applicationUtilization: 1 } }) });
  }
  clock.advance(1000);
  cluster.tick();
  const counts = count(weights.length, picks, () => {
    const pick = cluster.pick() as HostPick;
    pick.done(OK);
    return Number.parseInt(pick.host.address, 10);
  });
  const even = counts.every((each) => Math.abs(each / picks - 1 / weights.length) <= 0.01);
  return holds(even, data.expect, counts);
}

/** Equal entries aside, a schedule visits hosts in the order of their deadlines. */
function heapOrder(data: LbCase): Outcome {
  const draw = seededRandom(1);
  for (let trial = 0; trial < 1000; trial++) {
    const weights = Array.from({ length: 50 }, () => 1 + Math.floor(draw() * 1000));
    const edf = createEdf(weights.length, (index) => weights[index] as number);
    const due = weights.map((weight) => 1 / weight);
    let last = 0;
    for (let pick = 0; pick < 200; pick++) {
      const index = edf.pick();
      const deadline = due[index] as number;
      if (deadline < last) return { ok: false, expected: data["property"], got: { trial, pick, deadline, last } };
      last = deadline;
      due[index] = deadline + 1 / (weights[index] as number);
    }
  }
  return { ok: true };
}

function fleet(data: LbCase): Outcome {
  const clients = Number(data["clients"]);
  const hosts = Array.from({ length: Number(data["hosts"]) }, (_, index) => `${index}:1`);
  const firsts = count(hosts.length, clients, clientsInTurn({ hosts }));
  const even = clients / hosts.length;
  return holds(
    firsts.every((each) => Math.abs(each - even) <= 0.4 * even),
    data["property"],
    firsts,
  );
}

/** The first pick of a fresh client each time, every client with a seed of its own. */
function clientsInTurn(options: ClusterOptions): () => number {
  let seed = 0;
  return () => picker(options, seededRandom(seed++))();
}

function firstPick(data: LbCase): Outcome {
  const weights = data["weights"];
  if (!isNumbers(weights)) return unknownForm(data);
  const clients = Number(data["clients"]);
  const firsts = count(weights.length, clients, clientsInTurn({ hosts: hostsWith(weights) }));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const light = weights.indexOf(Math.min(...weights));
  const share = (firsts[light] ?? 0) / clients;
  return holds(Math.abs(share - (weights[light] ?? 0) / total) <= 0.004, data.expect, share);
}

function oneEjection(data: LbCase): Outcome {
  const rates = data["successRates"];
  if (!isNumbers(rates)) return unknownForm(data);
  const config = data["config"] as Readonly<Record<string, number>>;
  const bench = new Bench(rates.length, {
    successRateStdevFactor: config["stdevFactor"] ?? 1900,
    failurePercentageThreshold: config["failurePercentageThreshold"] ?? 85,
    enforcingSuccessRate: config["enforcingSuccessRate"] ?? 100,
    enforcingFailurePercentage: config["enforcingFailurePercentage"] ?? 0,
    maxEjectionPercent: config["maxEjectionPercent"] ?? 10,
    baseEjectionTimeMs: config["baseEjectionTimeMs"] ?? 30_000,
    intervalMs: config["intervalMs"] ?? 10_000,
    consecutive5xx: 0,
  });
  for (const [host, rate] of rates.entries()) {
    bench.status(host, 200, rate);
    bench.status(host, 500, 100 - rate);
  }
  const interval = config["intervalMs"] ?? 10_000;
  bench.tickAt(interval);
  const [ejected = -1] = bench.ejected();
  const { backoff, numEjections } = bench.cluster.outliers().hosts[`${ejected}:1`] ?? {};
  const got = {
    ejectedHosts: bench.ejected(),
    activeEjections: bench.stat("ejections_active"),
    backoffAfterFirstEjection: backoff,
    numEjections,
  };
  const limit = Number(data.expect?.["unejectedAtOrBeforeMsAfterEjection"]);
  for (let t = interval; t <= limit; t += interval) bench.tickAt(interval + t);
  return outcome(data.expect, {
    ...got,
    unejectedAtOrBeforeMsAfterEjection: bench.ejected().length === 0 ? limit : "later",
    activeEjectionsAfterUneject: bench.stat("ejections_active"),
  });
}

function thresholdZero(data: LbCase): Outcome {
  const rates = data["successRates"];
  if (!isNumbers(rates)) return unknownForm(data);
  const outlierDetection = { failurePercentageThreshold: Number(data["failurePercentageThreshold"]) };
  const bench = new Bench(rates.length, outlierDetection);
  for (const host of rates.keys()) bench.status(host, 200, 100);
  bench.tickAt(10_000);
  const detected = bench.stat("ejections_detected_failure_percentage");
  const warned = lint({ hosts: rates.map((_, index) => `${index}:1`), outlierDetection }).some(
    (finding) => finding.path === "outlier_detection.failure_percentage_threshold",
  );
  return outcome({ detected: rates.length, warned: true }, { detected, warned });
}

function thresholdLowered(): Outcome {
  const before = new Bench(1, { consecutive5xx: 10, maxEjectionPercent: 100 });
  before.status(0, 500, 7);
  const after = new Bench(1, { consecutive5xx: 5, maxEjectionPercent: 100 });
  after.cluster.restore(before.cluster.snapshot());
  after.status(0, 500);
  return outcome(true, after.isEjected(0));
}

function tinyWeight(data: LbCase): Outcome {
  const weights = data["weights"];
  if (!isNumbers(weights)) return unknownForm(data);
  const cycle = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = count(weights.length, cycle, picker({ hosts: hostsWith(weights) }, seededRandom(1)));
  const good = counts.every((each, index) => weights[index] !== 1 || (each >= 1 && each <= 3));
  return holds(good, data.expect, counts);
}

/** One heavy host must not make picks slow; the best of several runs is compared, so that a busy machine does not decide. */
function skewCost(data: LbCase): Outcome {
  const light = Array.from({ length: 999 }, () => 1);
  const skewed = picker({ hosts: hostsWith([1000, ...light]) }, seededRandom(1));
  const even = picker({ hosts: hostsWith([2, ...light]) }, seededRandom(1));
  const cost = (pick: () => number): number => {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 15; run++) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < 20_000; i++) pick();
      best = Math.min(best, Number(process.hrtime.bigint() - start));
    }
    return best;
  };
  const ratio = cost(skewed) / cost(even);
  return holds(ratio <= 3, data.expect, ratio);
}

/** The draw for the priority must not decide the host: every host of a priority is chosen equally often. */
function priorityCorrelation(data: LbCase): Outcome {
  const hostCount = Number(data["hosts"] ?? 100);
  const health = (index: number): "HEALTHY" | "UNHEALTHY" => (index < hostCount / 2 ? "HEALTHY" : "UNHEALTHY");
  const pick = picker(
    {
      endpoints: [
        { hosts: Array.from({ length: hostCount }, (_, index) => ({ address: `${index}:1`, health: health(index) })) },
        { priority: 1, hosts: [`${hostCount}:1`] },
      ],
      policy: random(),
    },
    seededRandom(1),
  );
  const counts = count(hostCount + 1, hostCount * 1000, pick).slice(0, hostCount / 2);
  const mean = counts.reduce((sum, each) => sum + each, 0) / counts.length;
  return holds(
    counts.every((each) => Math.abs(each - mean) < 6 * Math.sqrt(mean)),
    data.expect ?? data["property"],
    counts,
  );
}

/** Degraded hosts are not in hash tables: capacity that is only degraded yields no host, unless there is panic. */
function degradedNotHashed(data: LbCase): Outcome {
  return unknownForm(data);
}
