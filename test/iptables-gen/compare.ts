import { isDeepStrictEqual } from "node:util";
import type { Outcome } from "../conformance/suite.js";

/** A case's outcome from what was expected and what came. */
export function compare(expected: unknown, got: unknown): Outcome {
  return isDeepStrictEqual(expected, got) ? { ok: true } : { ok: false, expected, got };
}

/** The first of several comparisons that fails. */
export function compareAll(...pairs: readonly (readonly [what: string, expected: unknown, got: unknown])[]): Outcome {
  for (const [what, expected, got] of pairs) {
    if (!isDeepStrictEqual(expected, got)) return { ok: false, expected: { [what]: expected }, got: { [what]: got } };
  }
  return { ok: true };
}
