import {
  createEdf,
  createLocalitySchedule,
  createRotation,
  createStride,
  effectiveLocalityWeight,
  slowStartWeight,
} from "@weftmesh/lb";
import type { Outcome } from "../suite.js";
import { all, type CaseRunner, count, expected, hasFields, type LbCase, outcome, take, unknownForm } from "./case.js";

/** `edf_weighted.json` */
export const edfWeighted: CaseRunner = (data) => {
  if (hasFields(data, "steps")) return rotationSteps(data);
  const seed = Number(data["prePicks"] ?? data["seed"] ?? 0);
  if (data["weights"] === "i+1 for i in 0..127") {
    const weights = Array.from({ length: 128 }, (_, index) => index + 1);
    const edf = createEdf(weights.length, (index) => weights[index] as number, seed);
    return outcome(
      weights,
      count(weights.length, Number(data["picks"]), () => edf.pick()),
    );
  }
  const weights = data["weights"];
  const sequence = data.expect?.["sequence"] as number[] | undefined;
  if (!isNumbers(weights) || sequence === undefined) return unknownForm(data);
  if (hasFields(data, "hosts") && weights.every((weight) => weight === weights[0])) {
    const rotation = createRotation(seed);
    return outcome(
      sequence,
      take(sequence.length, () => rotation.pick(weights.length)),
    );
  }
  const edf = createEdf(weights.length, (index) => weights[index] as number, seed);
  return outcome(
    sequence,
    take(sequence.length, () => edf.pick()),
  );
};

interface RotationStep {
  readonly hosts?: number;
  readonly peeks?: readonly number[];
  readonly picks?: readonly number[];
  readonly peekThenPick?: readonly (readonly number[])[];
}

function rotationSteps(data: LbCase): Outcome {
  const rotation = createRotation(Number(data["seed"] ?? 0));
  let hosts = 0;
  const outcomes: Outcome[] = [];
  for (const step of data["steps"] as readonly RotationStep[]) {
    if (step.hosts !== undefined) {
      hosts = step.hosts;
      rotation.forgetPeeks();
    }
    const peek = (wanted: readonly number[]): Outcome =>
      outcome(
        wanted,
        take(wanted.length, () => rotation.peek(hosts)),
      );
    const pick = (wanted: readonly number[]): Outcome =>
      outcome(
        wanted,
        take(wanted.length, () => rotation.pick(hosts)),
      );
    outcomes.push(peek(step.peeks ?? []), pick(step.picks ?? []));
    for (const group of step.peekThenPick ?? []) outcomes.push(peek(group), pick(group));
  }
  return all(outcomes);
}

/** `static_stride.json` */
export const staticStride: CaseRunner = (data) => {
  const weights = data["weights"];
  if (!isNumbers(weights)) return unknownForm(data);
  const stride = createStride(weights, Number(data["startSequence"] ?? 0));
  const sequence = (data.expect?.["sequence"] ?? []) as readonly number[];
  return expected(data, {
    mode: stride.scaledWeights ? "stride" : "rr",
    scaledWeights: stride.scaledWeights,
    sequence: take(sequence.length, () => stride.pick()),
  });
};

/** `locality_weighted.json` */
export const localityWeighted: CaseRunner = (data) => {
  const weights = data["localityWeights"];
  const eligible = data["eligibleHosts"];
  const totals = data["totalHosts"];
  const excluded = data["excludedHosts"] ?? [];
  if (!isNumbers(weights) || !isNumbers(eligible) || !isNumbers(totals) || !isNumbers(excluded)) {
    return unknownForm(data);
  }
  const factor = Number(data["overprovisioningFactor"] ?? 140);
  const seed = Number(data["seed"] ?? 0);
  const effectiveWeights = weights.map((weight, index) =>
    effectiveLocalityWeight(
      { weight, eligible: eligible[index] ?? 0, total: totals[index] ?? 0, excluded: excluded[index] ?? 0 },
      factor,
    ),
  );
  const schedule = () => createLocalitySchedule(effectiveWeights, seed);
  const picks = Number(data.expect?.["picks"] ?? 0);
  const sequence = (data.expect?.["sequence"] ?? []) as readonly number[];
  const counting = schedule();
  const ordered = schedule();
  const first = schedule().pick();
  return expected(data, {
    effectiveWeights,
    picks,
    counts: picks === 0 ? undefined : count(weights.length, picks, () => counting.pick()),
    sequence: take(sequence.length, () => ordered.pick()),
    locality: first < 0 ? null : first,
  });
};

/** `slow_start.json` */
export const slowStart: CaseRunner = (data) => {
  if (hasFields(data, "elapsedMs", "windowMs")) {
    return expected(data, {
      effectiveWeight: slowStartWeight(Number(data["weight"] ?? 1), Number(data["elapsedMs"]), {
        windowMs: Number(data["windowMs"]),
        aggression: Number(data["aggression"] ?? 1),
        minWeightPercent: Number(data["minWeightPercent"] ?? 10),
      }),
    });
  }
  const weights = data["effectiveWeights"];
  const sequence = data.expect?.["sequence"] as readonly number[] | undefined;
  if (!isNumbers(weights) || sequence === undefined) return unknownForm(data);
  const edf = createEdf(weights.length, (index) => weights[index] as number, Number(data["seed"] ?? 0));
  return outcome(
    sequence,
    take(sequence.length, () => edf.pick()),
  );
};

export function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === "number");
}
