import {
  type ClusterOptions,
  createCluster,
  type EndpointGroup,
  effectiveBias,
  effectiveLimits,
  type LeastRequestOptions,
  leastRequest,
  leastRequestWeight,
  type PriorityCounts,
  priorityLoads,
  type RoutingPriority,
  retryBudgetLimit,
  roundRobin,
  type ZoneCounts,
  type ZonePlan,
  zonePlan,
} from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import type { Outcome } from "../suite.js";
import {
  all,
  type CaseRunner,
  count,
  expected,
  hasFields,
  type LbCase,
  outcome,
  playBack,
  take,
  unknownForm,
} from "./case.js";
import { isNumbers } from "./schedules.js";

const OK = { result: "response", status: 200 } as const;

interface PriorityCase {
  readonly hosts: number;
  readonly healthy: number;
  readonly degraded: number;
  readonly excluded: number;
  readonly opf?: number;
  readonly [field: string]: unknown;
}

/** `priority_load.json` */
export const priorityLoad: CaseRunner = (data) => {
  const priorities = data["priorities"] as readonly PriorityCase[] | undefined;
  if (priorities === undefined) return unknownForm(data);
  const policy = data["policy"] as { readonly weighted_priority_health?: boolean } | undefined;
  const weighted = Boolean(data["weightedPriorityHealth"] ?? policy?.weighted_priority_health ?? true);
  const levels = priorities.map((level): PriorityCounts => {
    const weights = weighted ? weightsOf(level) : undefined;
    const factor = level.opf ?? data["overprovisioningFactor"];
    return {
      hosts: level.hosts,
      healthy: level.healthy,
      degraded: level.degraded ?? 0,
      excluded: level.excluded ?? 0,
      ...(factor !== undefined && { overprovisioningFactor: Number(factor) }),
      ...(weights && { weights }),
    };
  });
  return expected(data, { ...priorityLoads(levels, Number(data["panicThreshold"] ?? 50)) });
};

/** Sums of weights, under the names a case may give them. */
function weightsOf(level: PriorityCase): PriorityCounts["weights"] {
  const nested = (level["weighted"] ?? level["weights"]) as Readonly<Record<string, number>> | undefined;
  const read = (name: string, ...others: readonly string[]): number | undefined => {
    for (const each of [name, ...others]) {
      const capital = each.charAt(0).toUpperCase() + each.slice(1);
      const value =
        nested?.[each] ??
        level[`weighted:${each}`] ??
        level[`weighted${capital}`] ??
        level[`${each}Weight`] ??
        level[`weighted_${each}`];
      if (typeof value === "number") return value;
    }
    return undefined;
  };
  const hosts = read("hosts", "total", "all");
  if (hosts === undefined) return undefined;
  return { hosts, healthy: read("healthy") ?? 0, degraded: read("degraded") ?? 0, excluded: read("excluded") ?? 0 };
}

/** `least_request.json` */
export const leastRequests: CaseRunner = (data) => {
  if (hasFields(data, "runtimeBias"))
    return expected(data, { effectiveBias: effectiveBias(Number(data["runtimeBias"])) });
  if (data.expect?.["dynamicWeight"] !== undefined) {
    const bias = effectiveBias(Number(data["activeRequestBias"] ?? 1));
    return expected(data, {
      dynamicWeight: leastRequestWeight(Number(data["weight"] ?? 1), Number(data["active"] ?? 0), bias),
    });
  }
  if (hasFields(data, "weights")) return weightedLeastRequest(data);
  const active = data["active"];
  if (!isNumbers(active)) return unknownForm(data);
  if (data["distinctSampling"] !== undefined) return busierShare(data, active);
  const draws = data["random"];
  if (isNumbers(draws)) {
    const choiceCount = data["choiceCount"];
    const options: LeastRequestOptions = {
      ...(typeof choiceCount === "number" && { choiceCount }),
      ...(data["method"] === "FULL_SCAN" && { selection: "full-scan" }),
    };
    // The seed comes first, then the priority, then the hosts.
    const random = playBack([0, ...draws], (draw) => (draw === 0 ? 1 : draw === 1 ? 100 : active.length));
    return expected(data, { host: leastRequestCluster(options, active, random)() }, ["meaning"]);
  }
  if (data["method"] === "FULL_SCAN" && hasFields(data, "picks")) return sharesOfLeast(data, active);
  return unknownForm(data);
};

/** A cluster whose hosts have these many requests in flight; gives indices of hosts. */
function leastRequestCluster(
  options: LeastRequestOptions,
  active: readonly number[],
  random: () => number,
  weights: readonly number[] = active.map(() => 1),
): () => number {
  const { pick } = clusterWithActive({ policy: leastRequest(options) }, active, random, weights);
  return pick;
}

function clusterWithActive(
  options: ClusterOptions,
  active: readonly number[],
  random: () => number,
  weights: readonly number[],
) {
  const hosts = weights.map((weight, index) => ({ address: `${index}:1`, weight }));
  const cluster = createCluster({ ...options, hosts }, { clock: manualScheduler(), random });
  const setActive = (counts: readonly number[]): void => {
    for (const [index, requests] of counts.entries()) {
      // What a host has in flight is read only to callers; a test may stand in for the requests themselves.
      (cluster.host(`${index}:1`) as { activeRequests: number }).activeRequests = requests;
    }
  };
  setActive(active);
  const pick = (): number => {
    const picked = cluster.pick();
    if (picked.kind === "none") return -1;
    picked.done(OK);
    return Number.parseInt(picked.host.address, 10);
  };
  return { cluster, pick, setActive };
}

interface Phase {
  readonly active: readonly number[];
  readonly sequence: readonly number[];
}

function weightedLeastRequest(data: LbCase): Outcome {
  const weights = data["weights"];
  if (!isNumbers(weights)) return unknownForm(data);
  const sequence = data.expect?.["sequence"] as readonly number[] | undefined;
  const single: Phase[] = sequence ? [{ active: (data["active"] ?? []) as readonly number[], sequence }] : [];
  const phases = (data["phases"] as readonly Phase[] | undefined) ?? single;
  if (phases.length === 0) return unknownForm(data);
  const policy = leastRequest({ activeRequestBias: Number(data["activeRequestBias"] ?? 1) });
  const { pick, setActive } = clusterWithActive({ policy }, phases[0]?.active ?? [], () => 0, weights);
  return all(
    phases.map((phase) => {
      setActive(phase.active);
      return outcome(phase.sequence, take(phase.sequence.length, pick));
    }),
  );
}

function busierShare(data: LbCase, active: readonly number[]): Outcome {
  const picks = 200_000;
  const busier = active.indexOf(Math.max(...active));
  const share = (options: LeastRequestOptions): number => {
    const pick = leastRequestCluster(options, active, seededRandom(1));
    return (count(active.length, picks, pick)[busier] ?? 0) / picks;
  };
  const distinct = data["distinctSampling"] as { readonly probabilityBusierChosen: number };
  return all([
    outcome(data.expect?.["probabilityBusierChosen"], share({}), 0.01),
    outcome(distinct.probabilityBusierChosen, share({ selection: "distinct" }), 0.01),
  ]);
}

function sharesOfLeast(data: LbCase, active: readonly number[]): Outcome {
  const { eachOf, share, absErrorPicks } = (data.expect ?? {}) as {
    readonly eachOf?: readonly number[];
    readonly share?: number;
    readonly absErrorPicks?: number;
  };
  if (eachOf === undefined || share === undefined || absErrorPicks === undefined) return unknownForm(data);
  const picks = Number(data["picks"]);
  const counts = count(active.length, picks, leastRequestCluster({ selection: "full-scan" }, active, seededRandom(1)));
  const good = counts.every((each, index) =>
    eachOf.includes(index) ? Math.abs(each - share * picks) <= absErrorPicks : each === 0,
  );
  return good ? { ok: true } : { ok: false, expected: data.expect, got: counts };
}

/** `circuit_breakers.json` */
export const circuitBreakers: CaseRunner = (data) => {
  if (hasFields(data, "budgetPercent")) {
    const limit = retryBudgetLimit(Number(data["activeRequests"] ?? 0), Number(data["pendingRequests"] ?? 0), {
      budgetPercent: Number(data["budgetPercent"]),
      ...(data["minRetryConcurrency"] !== undefined && { minRetryConcurrency: Number(data["minRetryConcurrency"]) }),
    });
    return expected(data, { maxRetries: limit });
  }
  if (hasFields(data, "thresholds")) return limitsOf(data);
  if (data.id.startsWith("budget-empty-when-last-request-fails")) {
    const { cluster, pick } = clusterWithActive(
      { circuitBreakers: [{ retryBudget: { budgetPercent: 100, minRetryConcurrency: 0 } }] },
      [0],
      () => 0,
      [1],
    );
    pick();
    return expected(data, { retryAllowed: cluster.admit("retry") !== undefined });
  }
  return unknownForm(data);
};

function limitsOf(data: LbCase): Outcome {
  const thresholds = data["thresholds"] as Parameters<typeof effectiveLimits>[0];
  const got: Record<string, unknown> = {};
  for (const key of Object.keys(data.expect ?? {})) {
    const [priority, ...field] = key.split("_");
    const limits = effectiveLimits(thresholds, priority as RoutingPriority);
    got[key] = limits[field.join("_") as keyof typeof limits];
  }
  return expected(data, got);
}

/** `zone_aware.json` */
export const zoneAware: CaseRunner = (data) => {
  const callers = (data["callersPerZone"] ?? { A: 1, B: 1, C: 1 }) as Readonly<Record<string, number>>;
  const zones = data["upstreamHealthyPerZone"] as readonly (readonly [string, number])[] | undefined;
  const healthy = Number(data["healthyUpstream"] ?? 3);
  const upstream = (zones ?? Array.from({ length: healthy }, (_, index) => [`${"ABC"[index % 3]}`, 1] as const)).filter(
    ([, hosts], index) => index > 0 || hosts > 0 || zones !== undefined,
  );
  const ownKey = String(data["localZone"] ?? upstream[0]?.[0] ?? "A");
  const options = {
    kind: "zone-aware" as const,
    ...(data["minClusterSize"] !== undefined && { minClusterSize: Number(data["minClusterSize"]) }),
    ...(data["forceLocalZoneMinSize"] !== undefined && {
      forceLocalZoneMinSize: Number(data["forceLocalZoneMinSize"]),
    }),
  };
  const merged = [...merge(upstream)];
  merged.sort(([a], [b]) => Number(b === ownKey) - Number(a === ownKey));
  const plan = zonePlan({ upstream: merged.map(zone), local: Object.entries(callers).map(zone), ownKey }, options);
  return all([
    expected(data, { ...planFields(plan), steadyStateShare: steadyState(plan, data) }, ["failTrafficOnPanic"]),
    data["picks"] === undefined ? { ok: true } : zonePicks(data, callers, merged, ownKey, options.minClusterSize ?? 6),
  ]);
};

function merge(zones: readonly (readonly [string, number])[]): Map<string, number> {
  const merged = new Map<string, number>();
  for (const [key, hosts] of zones) merged.set(key, (merged.get(key) ?? 0) + hosts);
  return merged;
}

function zone([key, hosts]: readonly [string, number]): ZoneCounts {
  return { key, healthy: hosts, healthyWeight: hosts, hosts };
}

function planFields(plan: ZonePlan): Readonly<Record<string, unknown>> {
  if (plan.mode === "none") return { mode: plan.mode, stat: plan.stat };
  const percentages = plan.percentages.map(({ key, local, upstream }) => ({ zone: key, local, upstream }));
  return { ...plan, percentages };
}

/** Long-run share of each zone; the data is rounded to six digits. */
function steadyState(plan: ZonePlan, data: LbCase): unknown {
  const wanted = data.expect?.["steadyStateShare"] as Readonly<Record<string, number>> | undefined;
  if (plan.mode !== "residual" || wanted === undefined) return undefined;
  const total = plan.residualCumulative.at(-1) ?? 0;
  const stay = plan.localPercentToRoute / 10_000;
  const round = (value: number): number => Math.round(value * 1e6) / 1e6;
  return Object.fromEntries(
    plan.percentages.map(({ key }, index) => {
      const room = (plan.residualCumulative[index] ?? 0) - (plan.residualCumulative[index - 1] ?? 0);
      const away = total === 0 ? 1 / plan.percentages.length : room / total;
      return [key, round((index === 0 ? stay : 0) + (1 - stay) * away)];
    }),
  );
}

interface ZonePick {
  readonly random: readonly number[];
  readonly zone: string;
}

/** Plays the draws through a whole cluster: the zone of the host it picks must be the expected one. */
function zonePicks(
  data: LbCase,
  callers: Readonly<Record<string, number>>,
  upstream: readonly (readonly [string, number])[],
  own: string,
  minClusterSize: number,
): Outcome {
  const groups = (zones: readonly (readonly [string, number])[], prefix: string): EndpointGroup[] =>
    zones.map(([name, hosts]) => ({
      locality: { zone: name },
      hosts: Array.from({ length: hosts }, (_, index) => `${prefix}-${name}-${index}:1`),
    }));
  const clock = manualScheduler();
  const locality = { zone: own };
  const cluster = createCluster(
    { endpoints: groups(Object.entries(callers), "caller"), local: { locality } },
    { clock, random: seededRandom(1) },
  );
  const policy = roundRobin({ locality: { kind: "zone-aware", minClusterSize } });
  const list = data["picks"] as readonly ZonePick[];
  const total = (plan: ZonePlan): number => (plan.mode === "residual" ? (plan.residualCumulative.at(-1) ?? 1) : 1);
  const plan = zonePlan(
    { upstream: upstream.map(zone), local: Object.entries(callers).map(zone), ownKey: own },
    { kind: "zone-aware", minClusterSize },
  );
  return all(
    list.map(({ random, zone: wanted }) => {
      const draws = playBack([0, ...random], (draw) => [1, 100, 10_000, total(plan)][draw] ?? 1);
      const upstreamCluster = createCluster(
        { endpoints: groups(upstream, "host"), local: { locality, cluster }, policy },
        { clock, random: draws },
      );
      const pick = upstreamCluster.pick();
      return outcome(wanted, pick.kind === "host" ? pick.host.locality.zone : null);
    }),
  );
}
