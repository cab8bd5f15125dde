/** Rotations: the same hosts in the same order, up to where Envoy's random seed lets it start. */
import type { Checks } from "../xds/check.js";
import { assignmentOf, type GroupSpec, hostsOf } from "./endpoints.js";
import { clusterOf, endpointsOf, optionsOf, pick } from "./ours.js";
import { type Json, startRig } from "./rig.js";

/** Picks, or new weights and health for the hosts, by position. */
type Step =
  | { readonly picks: number }
  | { readonly weights: readonly number[]; readonly unhealthy?: readonly number[] };

interface Script {
  readonly name: string;
  readonly policy: Json;
  readonly steps: readonly Step[];
}

/** Envoy takes its seed modulo this number. */
const SEEDS = 429_496_729;
/**
 * Which of two hosts that are due at the same instant comes first depends on rounding, which depends on how far the
 * seed has moved the clock; Envoy's is not known, so many are tried. Of 416 generated rotations 8 needed more than 60.
 */
const MAGNITUDES = 4000;
const PERIODS = 3;

const ROUND_ROBIN = { lb_policy: "ROUND_ROBIN" };
const LEAST_REQUEST = { lb_policy: "LEAST_REQUEST" };
const PLAIN_BIAS = {
  lb_policy: "LEAST_REQUEST",
  least_request_lb_config: { active_request_bias: { default_value: 0, runtime_key: "bias" } },
};

/** Generated weights behind each policy, and the same before, during and after changes. */
export async function compareSequences(checks: Checks, count: number, random: () => number): Promise<void> {
  const scripts = [...fixedScripts(), ...generatedScripts(count, random)];
  const clusterOfScript = ({ policy }: Script, index: number): Json => ({
    name: `s${index}`,
    type: "EDS",
    common_lb_config: { update_merge_window: "0s" },
    ...policy,
  });
  const clusters = scripts.map(clusterOfScript);
  const assignments = Object.fromEntries(
    scripts.map(({ steps }, index) => [`s${index}`, assignmentOf(groupsOf(steps[0] as Step, index))]),
  );
  await using rig = await startRig({ clusters, assignments });
  for (const [index, script] of scripts.entries()) {
    const name = `s${index}`;
    const seen: string[][] = [];
    for (const [position, step] of script.steps.entries()) {
      if ("picks" in step) {
        seen.push(await rig.picks(Array.from({ length: step.picks }, () => ({ cluster: name }))));
      } else if (position > 0) await rig.assign(name, assignmentOf(groupsOf(step, index)));
    }
    const options = optionsOf(clusters[index] as Json, assignments[name]);
    const found = findSeed(options, script, index, seen, random);
    checks.hold(script.name, found !== undefined, found === undefined ? explain(seen) : `from ${found}`);
  }
}

function fixedScripts(): Script[] {
  const flip = (policy: Json, name: string): Script => ({
    name,
    policy,
    steps: [
      { weights: [1, 1, 1, 1, 1] },
      { picks: 13 },
      { weights: [1, 1, 1, 1, 1], unhealthy: [2] },
      { picks: 11 },
      { weights: [1, 1, 1, 1, 1] },
      { picks: 12 },
      { weights: [1, 1, 1] },
      { picks: 7 },
    ],
  });
  const reweigh = (policy: Json, name: string): Script => ({
    name,
    policy,
    steps: [
      { weights: [4, 2, 1] },
      { picks: 17 },
      { weights: [4, 8, 1] },
      { picks: 29 },
      { weights: [4, 8, 1], unhealthy: [1] },
      { picks: 12 },
      { weights: [4, 2, 1] },
      { picks: 17 },
      { weights: [4, 2, 1, 4] },
      { picks: 23 },
    ],
  });
  return [
    flip(ROUND_ROBIN, "round robin goes on where it stood when hosts leave and return"),
    reweigh(ROUND_ROBIN, "weighted round robin, weights and health changing"),
    reweigh(LEAST_REQUEST, "weighted least request without load, weights and health changing"),
    reweigh(PLAIN_BIAS, "least request without bias, weights and health changing"),
  ];
}

function generatedScripts(count: number, random: () => number): Script[] {
  return Array.from({ length: count }, (_, index) => {
    const size = 2 + Math.floor(random() * 9);
    const weights = Array.from({ length: size }, () => 1 + Math.floor(random() * 12));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const [name, policy] = index % 3 === 2 ? ["least request", LEAST_REQUEST] : ["round robin", ROUND_ROBIN];
    return {
      name: `${name}, weights ${weights.join(" ")}`,
      policy: policy as Json,
      steps: [{ weights }, { picks: PERIODS * sum }],
    };
  });
}

function groupsOf(step: Step, index: number): GroupSpec[] {
  if ("picks" in step) throw new Error("a script starts with weights");
  const hosts = hostsOf(20 + (index % 200), step.weights.length, (position) => ({
    weight: step.weights[position] as number,
    ...(step.unhealthy?.includes(position) && { health: "UNHEALTHY" }),
  }));
  return [{ zone: "z", hosts }];
}

/** The seed that makes ours choose what Envoy chose, from the first pick to the last. */
function findSeed(
  options: ReturnType<typeof optionsOf>,
  script: Script,
  index: number,
  seen: readonly (readonly string[])[],
  random: () => number,
): number | undefined {
  const updates = script.steps.map((step) =>
    "picks" in step ? undefined : endpointsOf(assignmentOf(groupsOf(step, index))),
  );
  const agrees = (seed: number, phases: number): boolean => {
    const cluster = clusterOf(options, () => (seed + 0.5) / SEEDS);
    let phase = 0;
    for (const [position, step] of script.steps.entries()) {
      const update = updates[position];
      if (update !== undefined && position > 0) cluster.update({ replace: update });
      if (!("picks" in step)) continue;
      for (const host of seen[phase] ?? []) if (pick(cluster) !== host) return false;
      phase += 1;
      if (phase === phases) return true;
    }
    return true;
  };
  const cycles = script.steps.flatMap((step) => ("picks" in step ? [] : [cycleOf(step)]));
  for (let attempt = 0; attempt < MAGNITUDES; attempt++) {
    let candidates = [Math.floor(random() * SEEDS * 0.9)];
    let period = 1;
    // Each phase fixes the seed modulo the length of its own cycle; together they fix it modulo their common multiple.
    for (const [phase, cycle] of cycles.entries()) {
      const wider = leastCommonMultiple(period, cycle);
      const next: number[] = [];
      for (const seed of candidates) {
        for (let more = 0; more < wider; more += period) if (agrees(seed + more, phase + 1)) next.push(seed + more);
      }
      candidates = next;
      period = wider;
    }
    if (candidates[0] !== undefined) return candidates[0];
  }
  return undefined;
}

/** After so many picks a rotation is where it was. */
function cycleOf(step: Exclude<Step, { picks: number }>): number {
  const weights = step.weights.filter((_, position) => !step.unhealthy?.includes(position));
  if (new Set(weights).size === 1) return weights.length;
  return weights.reduce((sum, weight) => sum + weight, 0);
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

function explain(seen: readonly (readonly string[])[]): string {
  const letters = seen.map((phase) => phase.map((host) => host.replace(/^.*\.(\d+):\d+$/, "$1")).join(""));
  return `no seed gives Envoy's ${letters.join(" | ")}`;
}
