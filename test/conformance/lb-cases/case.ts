import type { Outcome } from "../suite.js";

/** One case of a file of `lb/`, as it stands there. */
export interface LbCase {
  readonly id: string;
  readonly expect?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** Runs the cases of one file. Throws for a form it does not know, which counts as a failure. */
export type CaseRunner = (data: LbCase) => Outcome;

export function unknownForm(data: LbCase): never {
  throw new Error(`a case with ${Object.keys(data).join(", ")} is not understood`);
}

/** The fields a case must have to be read as `T`. */
export function hasFields(data: LbCase, ...fields: readonly string[]): boolean {
  return fields.every((field) => Object.hasOwn(data, field));
}

/** Model figures are rounded to nine digits. */
const TOLERANCE = 1e-8;

/** Whether two JSON values agree, numbers up to the rounding of the data. */
export function agrees(expected: unknown, got: unknown, tolerance: number = TOLERANCE): boolean {
  if (typeof expected === "number" && typeof got === "number") {
    return Math.abs(expected - got) <= tolerance * Math.max(1, Math.abs(expected));
  }
  if (Array.isArray(expected)) {
    return (
      Array.isArray(got) &&
      expected.length === got.length &&
      expected.every((each, index) => agrees(each, got[index], tolerance))
    );
  }
  if (typeof expected === "object" && expected !== null && typeof got === "object" && got !== null) {
    const keys = Object.keys(expected);
    return (
      keys.length === Object.keys(got).length &&
      keys.every((key) => agrees((expected as Fields)[key], (got as Fields)[key], tolerance))
    );
  }
  return expected === got;
}

type Fields = Readonly<Record<string, unknown>>;

/** Sets what a case expects against what came out. */
export function outcome(expected: unknown, got: unknown, tolerance?: number): Outcome {
  return agrees(expected, got, tolerance) ? { ok: true } : { ok: false, expected, got };
}

/** The first outcome that is not good. */
export function all(outcomes: Iterable<Outcome>): Outcome {
  for (const each of outcomes) if (!each.ok) return each;
  return { ok: true };
}

/** The expected fields, each set against what `got` has under the same name; prose about them is left out. */
export function expected(data: LbCase, got: Fields, prose: readonly string[] = []): Outcome {
  const wanted = Object.fromEntries(Object.entries(data.expect ?? {}).filter(([key]) => !prose.includes(key)));
  if (Object.keys(wanted).length === 0) unknownForm(data);
  return outcome(wanted, Object.fromEntries(Object.keys(wanted).map((key) => [key, got[key]])));
}

/** A random source that plays integers back: the n-th draw below `limits[n]` gives the n-th value modulo that limit. */
export function playBack(values: readonly number[], limitOf: (draw: number) => number): () => number {
  let draw = 0;
  return () => {
    const limit = limitOf(draw);
    const value = (values[draw] ?? 0) % limit;
    draw += 1;
    return (value + 0.5) / limit;
  };
}

/** The first picks of something, as a list. */
export function take(picks: number, pick: () => number): number[] {
  return Array.from({ length: picks }, pick);
}

/** How often each index was picked. */
export function count(indices: number, picks: number, pick: () => number): number[] {
  const counts = new Array<number>(indices).fill(0);
  for (let i = 0; i < picks; i++) {
    const index = pick();
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}
