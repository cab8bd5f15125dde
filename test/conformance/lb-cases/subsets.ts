import {
  type Cluster,
  createCluster,
  type EndpointGroup,
  type Host,
  type HostOptions,
  type Metadata,
  roundRobin,
  type SubsetOptions,
  subset,
} from "@weftmesh/lb";
import { manualScheduler } from "@weftmesh/lb/testing";
import type { Outcome } from "../suite.js";
import { all, type CaseRunner, hasFields, type LbCase, outcome, unknownForm } from "./case.js";

interface SelectorCase {
  readonly keys: readonly string[];
  readonly fallback?: string;
  readonly fallbackKeys?: readonly string[];
  readonly fallbackKeysSubset?: readonly string[];
  readonly singleHostPerSubset?: boolean;
}

interface SubsetPick {
  readonly metadata: Metadata | null;
  readonly host: number | null | string | readonly number[];
}

/** `subset.json` */
export const subsets: CaseRunner = (data) => {
  if (hasFields(data, "steps")) return counters(data);
  if (hasFields(data, "hostsPerLocality")) return localities(data);
  if (!hasFields(data, "hosts", "picks")) return unknownForm(data);
  const hosts = (data["hosts"] as readonly (readonly [string, Metadata] | HostCase)[]).map(hostOf);
  const cluster = clusterOf(data, [{ hosts }]);
  return all(
    (data["picks"] as readonly SubsetPick[]).map((pick) => {
      const host = choose(cluster, pick.metadata);
      const index = host === undefined ? null : hosts.findIndex((each) => each.address === host.address);
      if (pick.host === "any non-null") return outcome(true, index !== null);
      if (Array.isArray(pick.host)) return outcome(true, pick.host.includes(index));
      return outcome(pick.host, index);
    }),
  );
};

interface HostCase {
  readonly address: string;
  readonly metadata?: Metadata;
  readonly priority?: number;
}

function hostOf(host: readonly [string, Metadata] | HostCase): HostOptions {
  if (!isPair(host)) return host;
  return { address: host[0], metadata: host[1] };
}

function isPair(host: readonly [string, Metadata] | HostCase): host is readonly [string, Metadata] {
  return Array.isArray(host);
}

function optionsOf(data: LbCase): SubsetOptions {
  const selectors = (data["selectors"] ?? []) as readonly (SelectorCase | readonly string[])[];
  return {
    selectors: selectors.map((selector) => {
      if (!isSelector(selector)) return { keys: selector };
      const fallbackKeys = selector.fallbackKeysSubset ?? selector.fallbackKeys;
      return {
        keys: selector.keys,
        ...(selector.fallback && { fallbackPolicy: selector.fallback as "NO_FALLBACK" }),
        ...(fallbackKeys && { fallbackKeysSubset: fallbackKeys }),
        ...(selector.singleHostPerSubset && { singleHostPerSubset: true }),
      };
    }),
    fallbackPolicy: (data["fallbackPolicy"] ?? "NO_FALLBACK") as "NO_FALLBACK",
    ...(data["defaultSubset"] !== undefined && { defaultSubset: data["defaultSubset"] as Metadata }),
    panicModeAny: data["panicModeAny"] === true,
    listAsAny: data["listAsAny"] === true,
    allowRedundantKeys: data["allowRedundantKeys"] === true,
    localityWeightAware: data["localityWeightAware"] === true || hasFields(data, "localityWeights"),
    scaleLocalityWeight: data["scaleLocalityWeight"] !== false && hasFields(data, "localityWeights"),
    metadataFallbackPolicy: (data["metadataFallbackPolicy"] ?? "METADATA_NO_FALLBACK") as "FALLBACK_LIST",
  };
}

function isSelector(selector: SelectorCase | readonly string[]): selector is SelectorCase {
  return !Array.isArray(selector);
}

function clusterOf(data: LbCase, endpoints: readonly EndpointGroup[], extra: Partial<SubsetOptions> = {}): Cluster {
  // Round robin starts at host 0 everywhere: the seed of every balancer is 0.
  const policy = subset({ ...optionsOf(data), ...extra });
  return createCluster({ endpoints, policy }, { clock: manualScheduler(), random: () => 0 });
}

function choose(cluster: Cluster, metadata: Metadata | null): Host | undefined {
  const pick = cluster.pick(metadata === null ? {} : { metadataMatch: metadata });
  if (pick.kind === "none") return undefined;
  pick.done({ result: "response", status: 200 });
  return pick.host;
}

function localities(data: LbCase): Outcome {
  const weights = data["localityWeights"] as readonly number[];
  const groups = (data["hostsPerLocality"] as readonly (readonly Metadata[])[]).map(
    (hosts, locality): EndpointGroup => ({
      locality: { zone: String(locality) },
      weight: weights[locality] ?? 0,
      hosts: hosts.map((metadata, index) => ({ address: `${locality}.${index}:1`, metadata })),
    }),
  );
  const metadata = data["metadata"] as Metadata;
  const wanted = data.expect as {
    readonly scaledWeights?: readonly number[];
    readonly localitySequence?: readonly number[];
    readonly picks?: readonly (readonly [number, number])[];
  };
  const create = () =>
    clusterOf(data, groups, {
      selectors: [{ keys: Object.keys(metadata) }],
      policy: roundRobin({ locality: { kind: "locality-weighted" } }),
    });
  const cluster = create();
  const length = wanted.localitySequence?.length ?? wanted.picks?.length ?? 0;
  const chosen = Array.from({ length }, () => choose(cluster, metadata));
  const places = chosen.map((host) => host?.address.split(":")[0]?.split(".").map(Number) ?? []);
  return all([
    wanted.localitySequence === undefined
      ? { ok: true }
      : outcome(
          wanted.localitySequence,
          places.map(([locality]) => locality),
        ),
    wanted.picks === undefined ? { ok: true } : outcome(wanted.picks, withinSubset(places, groups, metadata)),
  ]);
}

/** The data counts hosts within the subset. */
function withinSubset(places: readonly number[][], groups: readonly EndpointGroup[], metadata: Metadata): number[][] {
  return places.map(([locality = 0, index = 0]) => {
    const before = (groups[locality]?.hosts ?? []).slice(0, index) as readonly HostOptions[];
    const matching = before.filter((host) =>
      Object.entries(metadata).every(([key, value]) => host.metadata?.[key] === value),
    );
    return [locality, matching.length];
  });
}

interface CounterStep {
  readonly hosts: readonly Metadata[];
  readonly active: number;
  readonly created: number;
  readonly removed: number;
}

function counters(data: LbCase): Outcome {
  const steps = data["steps"] as readonly CounterStep[];
  const groups = (step: CounterStep): EndpointGroup[] => [
    { hosts: step.hosts.map((metadata, index) => ({ address: `${index}:1`, metadata })) },
  ];
  const [first] = steps;
  if (first === undefined) return unknownForm(data);
  const cluster = createCluster(
    { endpoints: groups(first), policy: subset(optionsOf(data)), updateMergeWindowMs: 0 },
    { clock: manualScheduler(), random: () => 0 },
  );
  return all(
    steps.map((step) => {
      cluster.update({ replace: groups(step) });
      cluster.pick();
      const stats = cluster.stats();
      return outcome(
        [step.active, step.created, step.removed],
        [stats["lb_subsets_active"], stats["lb_subsets_created"], stats["lb_subsets_removed"]],
      );
    }),
  );
}
