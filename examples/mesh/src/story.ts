import { performance } from "node:perf_hooks";
import type { Mesh } from "./mesh.js";

/** One thing that was to be seen, and whether it was. */
export interface Check {
  /** What must hold, with the numbers: `share of v2 10.3 % (expected 7–13 %)`. */
  readonly what: string;
  readonly ok: boolean;
}

/** What a step found. */
export interface Finding {
  /** One line with the measured numbers. */
  readonly measured: string;
  /** Over how many requests, connections or attempts. */
  readonly requests: number;
  /** Everything that must hold. */
  readonly checks: readonly Check[];
}

/** A step that could not be shown here. */
export interface NotShown {
  /** Why: no root, no iptables. */
  readonly reason: string;
}

/** What a step may use. */
export interface Stage {
  readonly mesh: Mesh;
  /** Says what is going on now. */
  progress(text: string): void;
}

/** One step of the story. */
export interface Step {
  /** Its place, from 1. */
  readonly number: number;
  /** The word that `--only` takes. */
  readonly name: string;
  /** What it shows. */
  readonly title: string;
  /** What is expected, with the numbers. */
  readonly expected: string;
  run(stage: Stage): Promise<Finding | NotShown>;
}

/** How a step ended. */
export interface StepResult {
  readonly number: number;
  readonly name: string;
  readonly title: string;
  readonly expected: string;
  readonly outcome: "held" | "failed" | "not shown";
  /** What was measured, or why nothing was. */
  readonly measured: string;
  readonly requests: number;
  /** The checks that did not hold. */
  readonly failures: readonly string[];
  readonly seconds: number;
}

/** Runs a step, leaves the mesh as it was, and judges. */
export async function runStep(step: Step, stage: Stage): Promise<StepResult> {
  const { number, name, title, expected } = step;
  const started = performance.now();
  const end = (rest: Pick<StepResult, "outcome" | "measured" | "requests" | "failures">): StepResult => ({
    ...{ number, name, title, expected },
    ...rest,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  });
  try {
    const found = await step.run(stage);
    if ("reason" in found) return end({ outcome: "not shown", measured: found.reason, requests: 0, failures: [] });
    const failures = found.checks.filter(({ ok }) => !ok).map(({ what }) => what);
    const { measured, requests } = found;
    return end({ outcome: failures.length === 0 ? "held" : "failed", measured, requests, failures });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return end({ outcome: "failed", measured: "the step did not come to its end", requests: 0, failures: [reason] });
  }
}
