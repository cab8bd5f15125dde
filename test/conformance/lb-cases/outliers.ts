import {
  type Cluster,
  type ClusterOptions,
  createCluster,
  failsByPercentage,
  type HostPick,
  LbError,
  type LbEvent,
  type OutcomeResult,
  type OutlierDetectionOptions,
  type Policy,
  type Outcome as RequestOutcome,
  successRateThreshold,
} from "@weftmesh/lb";
import { type ManualScheduler, manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import type { Outcome } from "../suite.js";
import { all, type CaseRunner, expected, hasFields, type LbCase, outcome, unknownForm } from "./case.js";
import { isNumbers } from "./schedules.js";

/** Picks the host whose index the context carries as its hash. */
const byIndex: Policy = {
  name: "by_index",
  balancer: (set) => ({
    choose: (context) => set.levels[0]?.hosts[Number(context.hash)],
    refresh: () => undefined,
  }),
};

/** A cluster of so many hosts under a detector, and what happened to it. */
export class Bench {
  readonly clock: ManualScheduler = manualScheduler();
  readonly events: LbEvent[] = [];
  readonly cluster: Cluster;
  private readonly hosts: number;

  constructor(hosts: number, outlierDetection: OutlierDetectionOptions, options: ClusterOptions = {}) {
    this.hosts = hosts;
    this.cluster = createCluster(
      {
        ...options,
        hosts: Array.from({ length: hosts }, (_, index) => `${index}:1`),
        policy: byIndex,
        outlierDetection,
        onEvent: (event) => this.events.push(event),
      },
      { clock: this.clock, random: seededRandom(1) },
    );
  }

  report(host: number, what: RequestOutcome, times = 1): void {
    for (let i = 0; i < times; i++) (this.cluster.pick({ hash: BigInt(host) }) as HostPick).done(what);
  }

  status(host: number, status: number, times = 1): void {
    this.report(host, { result: "response", status }, times);
  }

  isEjected(host: number): boolean {
    return ((this.cluster.host(`${host}:1`)?.flags ?? 0) & 0x2) !== 0;
  }

  ejected(): number[] {
    return Array.from({ length: this.hosts }, (_, host) => host).filter((host) => this.isEjected(host));
  }

  tickAt(ms: number): void {
    this.clock.advance(ms - this.clock.now());
    this.cluster.tick();
  }

  stat(name: string): number {
    return this.cluster.stats()[`outlier_detection.${name}`] ?? 0;
  }
}

/** `outlier_detection.json` */
export const outlierDetection: CaseRunner = (data) => {
  if (hasFields(data, "successRates", "stdevFactor")) return successRates(data);
  if (hasFields(data, "requests", "failing")) return volumeGate(data);
  if (hasFields(data, "successRate", "threshold")) {
    const [rate, threshold] = [Number(data["successRate"]), Number(data["threshold"])];
    return expected(data, {
      envoyEjects: failsByPercentage(rate, threshold, "envoy"),
      grpcEjects: failsByPercentage(rate, threshold, "grpc"),
    });
  }
  if (hasFields(data, "responses")) return responses(data);
  if (hasFields(data, "results")) return results(data);
  if (hasFields(data, "timeline")) return timeline(data);
  if (data.expect?.["durationOfNthConsecutiveEjectionSec"] !== undefined) return maxEjectTime(data);
  if (data.expect?.["after31"] !== undefined) return unaligned(data);
  if (hasFields(data, "hosts", "maxEjectionPercent")) return ejectionCap(data);
  if (hasFields(data, "maxEjectionTimeMs", "baseEjectionTimeMs")) return configuration(data);
  return unknownForm(data);
};

function successRates(data: LbCase): Outcome {
  const rates = data["successRates"];
  if (!isNumbers(rates)) return unknownForm(data);
  const line = successRateThreshold(rates, Number(data["stdevFactor"]));
  const ejectIndexes = rates.flatMap((rate, index) => (rate < line.threshold ? [index] : []));
  return expected(data, { ...line, ejectIndexes });
}

function volumeGate(data: LbCase): Outcome {
  const bench = new Bench(Number(data["hosts"]), {
    consecutive5xx: 0,
    successRateMinimumHosts: Number(data["minimumHosts"]),
    successRateRequestVolume: Number(data["successRateRequestVolume"]),
    failurePercentageRequestVolume: Number(data["failurePercentageRequestVolume"]),
    maxEjectionPercent: 100,
  });
  const requests = data["requests"] as readonly number[];
  const failing = data["failing"] as readonly number[];
  for (const [host, total] of requests.entries()) {
    bench.status(host, 503, failing[host]);
    bench.status(host, 200, total - (failing[host] ?? 0));
  }
  bench.tickAt(10_000);
  const stats = bench.cluster.outliers();
  return expected(data, {
    hostSuccessRate4: stats.hosts["4:1"]?.successRate,
    average: stats.successRateAverage,
    threshold: stats.successRateThreshold,
    ejected: bench.ejected(),
  });
}

function responses(data: LbCase): Outcome {
  const list = data["responses"];
  if (isNumbers(list)) {
    const bench = new Bench(1, { maxEjectionPercent: 100, enforcingConsecutiveGatewayFailure: 100 });
    for (const status of list) bench.status(0, status);
    const [event] = bench.events;
    return expected(data, { ejectType: event?.action === "EJECT" ? event.type : undefined }, ["gatewayCounterReset"]);
  }
  const form = /^(\d+) x (\d+) on one host, enforcing (\d+)$/.exec(String(list));
  if (form === null) return unknownForm(data);
  const [, times, status, enforcing] = form.map(Number) as [number, number, number, number];
  const bench = new Bench(5, {
    enforcingConsecutive5xx: enforcing,
    enforcingConsecutiveGatewayFailure: enforcing,
    maxEjectionPercent: 100,
  });
  bench.status(0, status, times);
  return expected(data, {
    detectedConsecutive5xx: bench.stat("ejections_detected_consecutive_5xx"),
    detectedGatewayFailure: bench.stat("ejections_detected_consecutive_gateway_failure"),
    enforced: bench.stat("ejections_enforced_total"),
  });
}

const RESULTS: Readonly<Record<string, OutcomeResult>> = {
  Timeout: "timeout",
  ConnectFailed: "connect-failed",
  ConnectSuccess: "connected",
  ConnectSuccessFinal: "connected-final",
  RequestFailed: "request-failed",
  RequestSuccess: "response",
};

type ResultCase =
  | string
  | { readonly result: string; readonly code?: number; readonly times?: number; readonly ejects?: boolean };

function resultOf(name: string, data: LbCase): OutcomeResult {
  return RESULTS[name.replace(/^(LocalOrigin|ExtOrigin)/, "")] ?? unknownForm(data);
}

function results(data: LbCase): Outcome {
  const list = data["results"] as readonly ResultCase[];
  const options: OutlierDetectionOptions = {
    splitExternalLocalOriginErrors: data["split"] === true,
    maxEjectionPercent: 100,
  };
  const outcomes: Outcome[] = [];
  let bench = new Bench(1, options);
  for (const each of list) {
    const { result, code, times = 1, ejects } = typeof each === "string" ? { result: each } : { ...each };
    bench.report(0, { result: resultOf(result, data), ...(code !== undefined && { status: code }) }, times);
    if (ejects === undefined) continue;
    outcomes.push(outcome(ejects, bench.isEjected(0)));
    bench = new Bench(1, options);
  }
  if (data.expect !== undefined) outcomes.push(expected(data, { ejected: bench.isEjected(0) }));
  return outcomes.length === 0 ? unknownForm(data) : all(outcomes);
}

interface TimelineStep {
  readonly t?: number;
  readonly ticks?: string;
  readonly tick?: boolean;
  readonly eject?: boolean;
  readonly ejected?: boolean;
}

function timeline(data: LbCase): Outcome {
  const unit = data["unit"] === "s" ? 1000 : 1;
  const bench = benchOf(data);
  const outcomes: Outcome[] = [];
  for (const step of data["timeline"] as readonly TimelineStep[]) {
    if (step.ticks !== undefined) {
      const form = /^(\d+)\.\.(\d+) step (\d+)$/.exec(step.ticks);
      if (form === null) return unknownForm(data);
      const [, from, to, by] = form.map(Number) as [number, number, number, number];
      for (let t = from; t <= to; t += by) bench.tickAt(t * unit);
      continue;
    }
    if (step.t === undefined) return unknownForm(data);
    bench.tickAt(step.t * unit);
    if (step.eject) bench.status(0, 500, 5);
    const wanted = step.eject ? true : step.ejected;
    if (wanted !== undefined) outcomes.push(outcome(wanted, bench.isEjected(0)));
  }
  return all(outcomes);
}

function benchOf(data: LbCase): Bench {
  return new Bench(1, {
    maxEjectionPercent: 100,
    baseEjectionTimeMs: Number(data["baseMs"] ?? 30_000),
    maxEjectionTimeMs: Number(data["maxMs"] ?? 300_000),
    intervalMs: Number(data["intervalMs"] ?? 10_000),
  });
}

/** Ejects again at the very tick that lets the host back, so that the back-off only grows; gives the length of each. */
function ejectionsInARow(bench: Bench, intervalMs: number, ejections: number): number[] {
  const lengths: number[] = [];
  let now = 0;
  for (let nth = 0; nth < ejections; nth++) {
    bench.status(0, 500, 5);
    const start = now;
    do {
      now += intervalMs;
      bench.tickAt(now);
    } while (bench.isEjected(0));
    lengths.push((now - start) / 1000);
  }
  return lengths;
}

function maxEjectTime(data: LbCase): Outcome {
  const form = /^min\((\d+)\*n, (\d+)\)$/.exec(String(data.expect?.["durationOfNthConsecutiveEjectionSec"]));
  if (form === null) return unknownForm(data);
  const [, step, max] = form.map(Number) as [number, number, number];
  const lengths = ejectionsInARow(benchOf(data), 10_000, 60);
  return outcome(
    lengths.map((_, index) => Math.min(step * (index + 1), max)),
    lengths,
  );
}

function unaligned(data: LbCase): Outcome {
  const form = /at the (\d+) s tick/.exec(String(data.expect?.["after31"]));
  if (form === null) return unknownForm(data);
  const lengths = ejectionsInARow(benchOf(data), Number(data["intervalMs"] ?? 10_000), 32);
  return outcome(Number(form[1]), lengths.at(-1));
}

function ejectionCap(data: LbCase): Outcome {
  const hosts = Number(data["hosts"]);
  const bench = new Bench(hosts, {
    maxEjectionPercent: Number(data["maxEjectionPercent"]),
    alwaysEjectOneHost: data["alwaysEjectOneHost"] === true || data["always_eject_one_host"] === true,
  });
  for (let host = 0; host < hosts; host++) bench.status(host, 500, 5);
  return expected(data, { maxEjected: bench.ejected().length, ejected: bench.ejected() });
}

function configuration(data: LbCase): Outcome {
  const wanted = String(data.expect?.["error"]);
  try {
    new Bench(1, {
      maxEjectionTimeMs: Number(data["maxEjectionTimeMs"]),
      baseEjectionTimeMs: Number(data["baseEjectionTimeMs"]),
    });
  } catch (error) {
    if (!(error instanceof LbError)) throw error;
    return error.message.includes(wanted) ? { ok: true } : { ok: false, expected: wanted, got: error.message };
  }
  return { ok: false, expected: wanted, got: "accepted" };
}
