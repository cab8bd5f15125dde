import { enumDescriptor, type FieldDescriptor } from "../descriptor.js";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "../duration.js";
import type { Any, Duration, JsonObject, JsonValue, Timestamp } from "../message.js";
import { listRules, rangeRule } from "./number-rules.js";
import type { ValueRule } from "./rules.js";

/** Nanoseconds in all: one number to compare durations and timestamps by. */
function total({ seconds = 0n, nanos = 0 }: Duration): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}

/**
 * Rules over durations. A bound may be the empty duration, `gt {}`, which is zero and not absent.
 */
export function durationRules(rules: JsonObject): readonly ValueRule[] {
  const read = (value: JsonValue | undefined): bigint | undefined =>
    typeof value === "string" ? total(parseDuration(value) ?? {}) : undefined;
  const show = (bound: bigint): string =>
    formatDuration({ seconds: bound / 1_000_000_000n, nanos: Number(bound % 1_000_000_000n) });
  return timeRules(rules, read, show, (value) => formatDuration(value as Duration));
}

/** Rules over timestamps, bounds only: the pinned schema has none that compare with the present. */
export function timestampRules(rules: JsonObject): readonly ValueRule[] {
  const read = (value: JsonValue | undefined): bigint | undefined =>
    typeof value === "string" ? total(parseTimestamp(value) ?? {}) : undefined;
  const show = (bound: bigint): string => formatTimestamp({ seconds: bound / 1_000_000_000n }) ?? String(bound);
  return timeRules(rules, read, show, (value) => formatTimestamp(value as Timestamp) ?? "out of range");
}

function timeRules(
  rules: JsonObject,
  read: (value: JsonValue | undefined) => bigint | undefined,
  show: (bound: bigint) => string,
  text: (value: unknown) => string,
): readonly ValueRule[] {
  const made: ValueRule[] = [];
  const fixed = read(rules["const"]);
  if (fixed !== undefined) {
    made.push((value) =>
      total(value as Duration) === fixed ? undefined : `must be ${show(fixed)}, is ${text(value)}`,
    );
  }
  const range = rangeRule(
    { lt: read(rules["lt"]), lte: read(rules["lte"]), gt: read(rules["gt"]), gte: read(rules["gte"]) },
    show,
  );
  if (range !== undefined) made.push((value) => range(total(value as Duration), text(value)));
  const lists = listRules(rules, (value) => read(value));
  made.push(
    ...lists.map(
      (rule): ValueRule =>
        (value) =>
          rule(total(value as Duration)),
    ),
  );
  return made;
}

/** Rules over the type of an `Any`. */
export function anyRules(rules: JsonObject): readonly ValueRule[] {
  return listRules(rules, (value) => value).map(
    (rule): ValueRule =>
      (value) =>
        rule((value as Any).typeUrl),
  );
}

/** Rules over enums. A value is its name, or its number where the schema has no name for it. */
export function enumRules(field: FieldDescriptor, rules: JsonObject): readonly ValueRule[] {
  if (field.of.kind !== "enum") return [];
  const { byName, byNumber, typeName } = enumDescriptor(field.of.typeName);
  const number = (value: unknown): number | undefined =>
    typeof value === "string" ? byName.get(value) : (value as number);
  const made: ValueRule[] = [];
  const fixed = rules["const"];
  if (fixed !== undefined)
    made.push((value) => (number(value) === fixed ? undefined : `must be ${byNumber.get(Number(fixed))}`));
  if (rules["defined_only"] === true) {
    made.push((value) => {
      const held = number(value);
      if (held !== undefined && byNumber.has(held)) return undefined;
      return `${String(value)} is not a value of ${typeName}`;
    });
  }
  made.push(
    ...listRules(rules, (value) => value).map(
      (rule): ValueRule =>
        (value) =>
          rule(number(value)),
    ),
  );
  return made;
}
