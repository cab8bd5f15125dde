/**
 * The frame of the conformance suites: one adapter file a suite turns the public data of one folder into cases; the
 * command line (`main.ts`) and the tests of the packages run the same adapters.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

/** What one case came to. `expected` and `got` are printed shortened; any value will do. */
export type Outcome = { readonly ok: true } | { readonly ok: false; readonly expected: unknown; readonly got: unknown };

/** One input with the answer a real program or a specification gave to it. */
export interface Case {
  /** Unique within the suite: file, then what identifies the case in it. */
  readonly name: string;
  /** Runs the case. A throw counts as a failure. */
  run(): Outcome | Promise<Outcome>;
}

/** The adapter of one folder of conformance data. */
export interface Suite {
  /** The folder's name. */
  readonly name: string;
  /**
   * All cases under `dir`. A file or a case the adapter does not understand is yielded as a failing case, never left
   * out: the command runs on directories that nobody here has seen.
   */
  cases(dir: string): Iterable<Case> | AsyncIterable<Case>;
}

/** A failing case with what it should have been. */
export interface Failure {
  readonly name: string;
  readonly expected: unknown;
  readonly got: unknown;
}

/** The count of a whole run. */
export interface Tally {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** The repository's root, from the sources as well as from the built files. */
export const repositoryRoot: string = (() => {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, "pnpm-workspace.yaml"))) {
    const parent = dirname(dir);
    if (parent === dir) throw new Error("no pnpm-workspace.yaml above the conformance suites");
    dir = parent;
  }
  return dir;
})();

/** Where the public data of a suite stands beside the repository. It may be absent; a test then skips and says so. */
export function conformanceDir(suite: string): string {
  return join(repositoryRoot, "..", "shared", "conformance", suite);
}

/** A case that fails with a reason: for files and formats an adapter does not understand. */
export function notUnderstood(name: string, reason: string): Case {
  return { name, run: () => ({ ok: false, expected: "a case this adapter understands", got: reason }) };
}

/**
 * Runs every case of a suite in order.
 *
 * @param onFailure - Called as soon as a case fails.
 */
export async function runSuite(suite: Suite, dir: string, onFailure?: (failure: Failure) => void): Promise<Tally> {
  let passed = 0;
  const failures: Failure[] = [];
  const fail = (failure: Failure): void => {
    failures.push(failure);
    onFailure?.(failure);
  };
  try {
    for await (const each of suite.cases(dir)) {
      const outcome = await settle(each);
      if (outcome.ok) passed += 1;
      else fail({ name: each.name, expected: outcome.expected, got: outcome.got });
    }
  } catch (error) {
    // The cases after this point are lost, so the run must not look complete.
    fail({ name: suite.name, expected: "an adapter that lists its cases", got: error });
  }
  return { passed, failures };
}

async function settle(each: Case): Promise<Outcome> {
  try {
    return await each.run();
  } catch (error) {
    return { ok: false, expected: "no exception", got: error };
  }
}

/** One line for a failing case, cut to the place where the two values part. */
export function formatFailure(failure: Failure, width = 160): string {
  const expected = oneLine(failure.expected);
  const got = oneLine(failure.got);
  const start = Math.max(0, firstDifference(expected, got) - 24);
  return `FAIL ${failure.name}: expected ${cut(expected, start, width)}, got ${cut(got, start, width)}`;
}

function oneLine(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  if (typeof value === "string") return JSON.stringify(value);
  return inspect(value, {
    breakLength: Number.POSITIVE_INFINITY,
    compact: true,
    depth: 12,
    maxArrayLength: 1000,
    maxStringLength: 4000,
  }).replaceAll("\n", " ");
}

function firstDifference(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  for (let i = 0; i < end; i += 1) if (a[i] !== b[i]) return i;
  return end;
}

function cut(text: string, start: number, width: number): string {
  if (text.length <= width) return text;
  const from = Math.min(start, text.length - width);
  const end = from + width;
  return `${from > 0 ? "…" : ""}${text.slice(from, end)}${end < text.length ? "…" : ""}`;
}
