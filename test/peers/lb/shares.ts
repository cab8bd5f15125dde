/** Shares of traffic: one chi-square test a scenario. */
import type { createCluster } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { type Counts, compareSamples } from "./chi-square.js";
import { assignmentOf, type GroupSpec, hostsOf } from "./endpoints.js";
import { clusterOf, optionsOf, pick } from "./ours.js";
import { type Json, type Rig, startRig } from "./rig.js";
import { type ShareScenario, shareScenarios } from "./share-scenarios.js";
import { zoneScenarios } from "./zone-scenarios.js";

const CONNECTIONS = 4;
const LEAST_P = 1e-6;

type OurCluster = ReturnType<typeof createCluster>;

/**
 * Compares the shares of {@link shareScenarios} and {@link zoneScenarios}.
 *
 * @param count - Requests a scenario, spread over the metadata matches if it has any.
 */
export async function compareShares(checks: Checks, count: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const matches = Object.fromEntries(
    shareScenarios.flatMap((each, index) => (each.matches ?? []).map((match, i) => [`m${index}-${i}`, match])),
  );
  const clusters = shareScenarios.map((each, index) => clusterJson(each, `p${index}`));
  {
    await using rig = await startRig({ clusters, matches });
    for (const [index, each] of shareScenarios.entries()) {
      const options = optionsOf(clusters[index] as Json);
      const names = each.matches?.map((_, i) => `m${index}-${i}`);
      const ours = clusterOf(options, seededRandom(seed + index));
      await compare(checks, rig, each, { name: `p${index}`, ours, count, random, ...(names && { matches: names }) });
    }
    await compareRandomDraws(checks, seed);
  }
  for (const each of zoneScenarios) {
    const own = clusterJson({ ...each, cluster: {}, assignment: assignmentOf(each.callers) }, "own");
    const cluster = clusterJson(each, "zoned");
    await using rig = await startRig({ clusters: [own, cluster], local: { zone: "a", cluster: "own" } });
    const local = { locality: { zone: "a" }, cluster: clusterOf(optionsOf(own), seededRandom(seed)) };
    const ours = clusterOf({ ...optionsOf(cluster), local }, seededRandom(seed));
    await compare(checks, rig, each, { name: "zoned", ours, count, random });
  }
}

function clusterJson({ cluster, assignment }: ShareScenario, name: string): Json {
  return { ...cluster, name, type: "STATIC", load_assignment: { ...assignment, cluster_name: name } };
}

interface Contest {
  readonly name: string;
  readonly ours: OurCluster;
  readonly count: number;
  readonly random: () => number;
  readonly matches?: readonly (string | undefined)[];
}

async function compare(checks: Checks, rig: Rig, scenario: ShareScenario, contest: Contest): Promise<void> {
  const { name, ours, matches = [undefined] } = contest;
  // Drawn, not in turn: a rotation behind several matches must not march in step with them.
  const drawn = Array.from({ length: contest.count }, () => Math.floor(contest.random() * matches.length));
  const requests = drawn.map((each) => {
    const match = matches[each];
    return { cluster: name, ...(match !== undefined && { match }) };
  });
  const seen = await rig.picks(requests, CONNECTIONS);
  const theirs = new Map<string, number>();
  const own = new Map<string, number>();
  for (const [i, request] of requests.entries()) {
    const metadataMatch = scenario.matches?.[drawn[i] as number];
    const label = request.match === undefined ? "" : `${request.match} `;
    add(theirs, `${label}${seen[i]}`);
    add(own, `${label}${pick(ours, metadataMatch && { metadataMatch: metadataMatch as Record<string, string> })}`);
  }
  judge(checks, scenario.name, theirs, own);
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function judge(checks: Checks, name: string, theirs: Counts, ours: Counts): void {
  const { statistic, freedom, p } = compareSamples(theirs, ours);
  const only = [...new Set([...theirs.keys(), ...ours.keys()])].filter((key) => !theirs.has(key) || !ours.has(key));
  const requests = [...theirs.values()].reduce((sum, each) => sum + each, 0);
  const result = `${Math.round(requests)} requests, chi-square ${statistic.toFixed(1)} of ${freedom}, p ${p.toPrecision(2)}`;
  checks.hold(
    name,
    p > LEAST_P,
    p > LEAST_P
      ? result
      : `${result}; only on one side: ${only.slice(0, 8).join(", ")}; Envoy ${text(theirs)}; ours ${text(ours)}`,
  );
}

function text(counts: Counts): string {
  return JSON.stringify(Object.fromEntries([...counts].sort()));
}

/**
 * The explained difference `random-one-draw` (decision 0300): Envoy's random policy takes the priority and the host from
 * one draw, so some hosts of a priority get twice the share of others. With 50 of 100 hosts of the first priority
 * healthy it keeps draws whose remainder by 100 is below 70, and the first 20 of its healthy hosts get two of them.
 */
async function compareRandomDraws(checks: Checks, seed: number): Promise<void> {
  // Fewer would not tell the two apart.
  const count = 5000;
  const groups: GroupSpec[] = [
    { hosts: hostsOf(30, 100, (index) => (index >= 50 ? { health: "UNHEALTHY" } : {})) },
    { priority: 1, hosts: hostsOf(31, 1) },
  ];
  const cluster = clusterJson(
    { name: "", cluster: { lb_policy: "RANDOM" }, assignment: assignmentOf(groups) },
    "draws",
  );
  await using rig = await startRig({ clusters: [cluster] });
  const seen = await rig.picks(
    Array.from({ length: count }, () => ({ cluster: "draws" })),
    CONNECTIONS,
  );
  const theirs = new Map<string, number>();
  const model = new Map<string, number>();
  const own = new Map<string, number>();
  const random = seededRandom(seed);
  const ours = clusterOf(optionsOf(cluster), seededRandom(seed + 1));
  const place = (address: string): string => (address.startsWith("127.31.") ? "second" : address);
  for (const host of seen) {
    add(theirs, place(host));
    add(own, place(pick(ours)));
    const draw = Math.floor(random() * 1e6);
    add(model, draw % 100 < 70 ? `127.30.0.${draw % 50}:1` : "second");
  }
  judge(checks, "random-one-draw: Envoy's random policy takes priority and host from one draw", theirs, model);
  const { p } = compareSamples(theirs, own);
  checks.hold("random-one-draw: ours does not, and differs by that", p < LEAST_P, `p ${p.toPrecision(2)}`);
  const even = new Map([...own].map(([key]) => [key, key === "second" ? count * 0.3 : (count * 0.7) / 50]));
  judge(checks, "random-one-draw: ours gives every healthy host of a priority the same share", even, own);
}
