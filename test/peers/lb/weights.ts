/** Weights that follow time or what hosts report. */
import { setTimeout as sleep } from "node:timers/promises";
import { createCluster, type LoadReport } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { compareSamples } from "./chi-square.js";
import { assignmentOf, hostsOf } from "./endpoints.js";
import { endpointsOf, optionsOf } from "./ours.js";
import { type Json, startRig } from "./rig.js";
import { startUpstreams } from "./upstreams.js";

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const NET = 71;
const LEAST_P = 1e-6;

type OurCluster = ReturnType<typeof createCluster>;

/** Compares shares with `count` requests each: by reported load, and while hosts are new. */
export async function compareWeights(checks: Checks, count: number, seed: number): Promise<void> {
  await compareReports(checks, count, seed);
  await compareSlowStart(checks, count, seed);
}

/** What the host with this number says of itself: by name, by application, by CPU, by errors alone, and nothing. */
const REPORTS: readonly LoadReport[] = [
  { rps: 100, cpuUtilization: 0.5, namedMetrics: { q: 0.2 } },
  { rps: 100, cpuUtilization: 0.9, applicationUtilization: 0.4 },
  { rps: 90, cpuUtilization: 0.6, eps: 45 },
  { rps: 80, eps: 20 },
  { rps: 0, cpuUtilization: 0.1 },
];

/** What an error counts, by name of the cluster. */
const PENALTIES = { "errors by default": undefined, "errors counted": 1, "errors counted twice": 2 };

async function compareReports(checks: Checks, count: number, seed: number): Promise<void> {
  await using upstreams = await startUpstreams(NET, REPORTS.length, (host) => ({
    "endpoint-load-metrics": `TEXT ${textOf(reportOf(host))}`,
  }));
  const clusters = Object.entries(PENALTIES).map(([name, error_utilization_penalty]): Json => {
    const typed_config = {
      "@type": `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
      blackout_period: "0s",
      weight_update_period: "0.1s",
      metric_names_for_computing_utilization: ["named_metrics.q"],
      ...(error_utilization_penalty !== undefined && { error_utilization_penalty }),
    };
    const hosts = hostsOf(NET, REPORTS.length, () => ({ port: upstreams.port }));
    return {
      name,
      type: "STATIC",
      load_assignment: { ...assignmentOf([{ hosts }]), cluster_name: name },
      load_balancing_policy: { policies: [{ typed_extension_config: { name: "p", typed_config } }] },
    };
  });
  await using rig = await startRig({ clusters });
  const picks = (cluster: Json, number: number): Promise<string[]> =>
    rig.picks(Array.from({ length: number }, () => ({ cluster: cluster["name"] as string })));
  for (const cluster of clusters) await picks(cluster, 50);
  // Weights are computed ten times a second.
  await sleep(300);
  for (const cluster of clusters) {
    judge(checks, `shares by reported load, ${cluster["name"]}`, await picks(cluster, count), ownPicks(cluster, seed));
  }
}

/** Ours, when each host has reported and weights were computed. */
function ownPicks(cluster: Json, seed: number): () => string {
  const clock = manualScheduler();
  const ours = createCluster(optionsOf(cluster), { clock, random: seededRandom(seed) });
  const own = (): string => {
    const pick = ours.pick();
    if (pick.kind === "none") return "-";
    pick.done({ result: "response", status: 200, load: reportOf(pick.host.address) });
    return pick.host.address;
  };
  for (let i = 0; i < 50; i++) own();
  clock.advance(100);
  ours.tick();
  return own;
}

function reportOf(host: string): LoadReport {
  return REPORTS[Number(/\.(\d+):/.exec(host)?.[1])] ?? {};
}

function textOf({ rps = 0, eps = 0, cpuUtilization, applicationUtilization, namedMetrics }: LoadReport): string {
  const fields = [`rps_fractional=${rps}`, `eps=${eps}`];
  if (cpuUtilization !== undefined) fields.push(`cpu_utilization=${cpuUtilization}`);
  if (applicationUtilization !== undefined) fields.push(`application_utilization=${applicationUtilization}`);
  for (const [name, value] of Object.entries(namedMetrics ?? {})) fields.push(`named_metrics.${name}=${value}`);
  return fields.join(",");
}

const WINDOW_MS = 3000;

/** For the first part of the window a new host has the least weight there is, whatever the time exactly. */
async function compareSlowStart(checks: Checks, count: number, seed: number): Promise<void> {
  const slow_start_config = { slow_start_window: `${WINDOW_MS / 1000}s`, min_weight_percent: { value: 60 } };
  const policies: readonly Json[] = [
    { lb_policy: "ROUND_ROBIN", round_robin_lb_config: { slow_start_config } },
    { lb_policy: "LEAST_REQUEST", least_request_lb_config: { slow_start_config } },
    { lb_policy: "RANDOM" },
  ];
  const few = hostsOf(72, 3, (i) => ({ weight: 1 + i }));
  const before = assignmentOf([{ hosts: few }]);
  const after = assignmentOf([{ hosts: [...few, ...hostsOf(73, 2)] }]);
  const clusters = policies.map((policy, index): Json => ({ name: `n${index}`, type: "EDS", ...policy }));
  const names = clusters.map((cluster) => cluster["name"] as string);
  await using rig = await startRig({ clusters, assignments: Object.fromEntries(names.map((name) => [name, before])) });
  await sleep(WINDOW_MS + 100);
  for (const [index, name] of names.entries()) {
    const cluster = clusters[index] as Json;
    await rig.assign(name, after);
    const seen = await rig.picks(Array.from({ length: count }, () => ({ cluster: name })));
    const clock = manualScheduler();
    const ours: OurCluster = createCluster(optionsOf(cluster, before), { clock, random: seededRandom(seed) });
    clock.advance(WINDOW_MS + 100);
    ours.update({ replace: endpointsOf(after) });
    clock.advance(WINDOW_MS / 10);
    judge(checks, `shares with new hosts: ${cluster["lb_policy"]}`, seen, () => {
      const pick = ours.pick();
      if (pick.kind === "none") return "-";
      pick.done({ result: "aborted" });
      return pick.host.address;
    });
  }
}

function judge(checks: Checks, name: string, seen: readonly string[], own: () => string): void {
  const [theirs, counts] = [new Map<string, number>(), new Map<string, number>()];
  for (const host of seen) {
    theirs.set(host, (theirs.get(host) ?? 0) + 1);
    const chosen = own();
    counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
  }
  const { p } = compareSamples(theirs, counts);
  const text = (each: Map<string, number>): string => JSON.stringify(Object.fromEntries([...each].sort()));
  const result = p > LEAST_P ? `${seen.length} requests, p ${p.toPrecision(2)}` : "";
  checks.hold(name, p > LEAST_P, result || `Envoy ${text(theirs)}; ours ${text(counts)}`);
}
