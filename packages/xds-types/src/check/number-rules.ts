import type { JsonObject, JsonValue } from "../message.js";
import type { ValueRule } from "./rules.js";

type Amount = number | bigint;

/** Rules over numbers: `const`, ranges, `in`, `not_in`. `kind` is the scalar's name. */
export function numberRules(kind: string, rules: JsonObject): readonly ValueRule[] {
  const read = (value: JsonValue | undefined): Amount | undefined => {
    if (value === undefined) return undefined;
    return kind.endsWith("64") ? BigInt(value as string) : Number(value);
  };
  const bound = (name: string): Amount | undefined => read(rules[name]);
  const made: ValueRule[] = [];
  const fixed = bound("const");
  if (fixed !== undefined)
    made.push((value) => (value === fixed ? undefined : `must be ${fixed}, is ${String(value)}`));
  const range = rangeRule({ lt: bound("lt"), lte: bound("lte"), gt: bound("gt"), gte: bound("gte") });
  if (range !== undefined) made.push((value) => range(value as Amount, String(value)));
  made.push(...listRules(rules, (value) => read(value)));
  return rules["ignore_empty"] === true
    ? made.map((rule) => (value) => (isZero(value) ? undefined : rule(value)))
    : made;
}

function isZero(value: unknown): boolean {
  return value === 0 || value === 0n;
}

/** `in` and `not_in` over values that compare by identity. */
export function listRules(rules: JsonObject, read: (value: JsonValue) => unknown): readonly ValueRule[] {
  const made: ValueRule[] = [];
  const allowed = rules["in"];
  if (Array.isArray(allowed)) {
    const set = new Set(allowed.map(read));
    const list = allowed.join(", ");
    made.push((value) => (set.has(value) ? undefined : `must be one of ${list}, is ${String(value)}`));
  }
  const refused = rules["not_in"];
  if (Array.isArray(refused)) {
    const set = new Set(refused.map(read));
    made.push((value) => (set.has(value) ? `must not be ${String(value)}` : undefined));
  }
  return made;
}

/** The bounds of a range, any of them absent. */
export interface Bounds<T> {
  readonly lt?: T | undefined;
  readonly lte?: T | undefined;
  readonly gt?: T | undefined;
  readonly gte?: T | undefined;
}

/**
 * PGV's range rule. With an upper bound below the lower one the range is turned inside out: the value must lie outside.
 */
export function rangeRule<T extends Amount>(
  { lt, lte, gt, gte }: Bounds<T>,
  show: (bound: T) => string = String,
): ((value: T, text: string) => string | undefined) | undefined {
  const upper = lt ?? lte;
  const lower = gt ?? gte;
  if (upper === undefined && lower === undefined) return undefined;
  const below = (value: T): boolean => (lt !== undefined ? value < lt : lte === undefined || value <= lte);
  const above = (value: T): boolean => (gt !== undefined ? value > gt : gte === undefined || value >= gte);
  const words: string[] = [];
  if (gt !== undefined) words.push(`greater than ${show(gt)}`);
  if (gte !== undefined) words.push(`at least ${show(gte)}`);
  if (lt !== undefined) words.push(`less than ${show(lt)}`);
  if (lte !== undefined) words.push(`at most ${show(lte)}`);
  const outside = upper !== undefined && lower !== undefined && upper < lower;
  const wanted = words.join(outside ? " or " : " and ");
  return (value, text) => {
    // PGV asks whether the value is beyond a bound, which NaN never is.
    if (Number.isNaN(value)) return undefined;
    const holds = outside ? below(value) || above(value) : below(value) && above(value);
    return holds ? undefined : `must be ${wanted}, is ${text}`;
  };
}
