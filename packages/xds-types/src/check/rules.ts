import type { FieldDescriptor } from "../descriptor.js";
import type { Place } from "../json/context.js";
import type { JsonObject, JsonValue } from "../message.js";
import type { CheckContext } from "./context.js";
import { anyRules, durationRules, enumRules, timestampRules } from "./message-rules.js";
import { numberRules } from "./number-rules.js";
import { bytesRules, stringRules } from "./string-rules.js";

/** Tests one value, `undefined` if the field is absent. */
export type RuleCheck = (value: unknown, context: CheckContext, place: Place | undefined) => void;

/** A rule over a value that is there: the sentence of what is wrong, or nothing. */
export type ValueRule = (value: unknown) => string | undefined;

/** The PGV rules of a field as one function; nothing if it has none. */
export function compileRules(field: FieldDescriptor): RuleCheck | undefined {
  if (field.rules === undefined) return undefined;
  const required = isRequired(field.rules);
  const value = valueCheck(field, field.rules);
  const implicit = !field.presence && field.cardinality === "one" ? zeroOf(field) : undefined;
  return (held, context, place) => {
    if (held === undefined) {
      // A member of a oneof that is not the one set is not a default: no rule concerns it.
      if (field.oneof >= 0) return;
      if (required) context.add("ERR_XDS_TYPES_REQUIRED", place, "a value is required");
      // Without presence, absent is the default, and the rules judge that.
      else if (implicit !== undefined) value?.(implicit, context, place);
      else if (field.cardinality !== "one") value?.(field.cardinality === "list" ? [] : {}, context, place);
      return;
    }
    value?.(held, context, place);
  };
}

function isRequired(rules: JsonObject): boolean {
  return ["message", "any", "duration", "timestamp"].some((kind) => object(rules[kind])["required"] === true);
}

function zeroOf(field: FieldDescriptor): unknown {
  if (field.of.kind === "enum") return 0;
  if (field.of.kind === "message") return undefined;
  switch (field.of.scalar) {
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "bool":
      return false;
    default:
      return field.of.scalar.endsWith("64") ? 0n : 0;
  }
}

/** The part of a rule set under a kind; empty if absent. */
export function object(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function valueCheck(field: FieldDescriptor, rules: JsonObject): RuleCheck | undefined {
  if (rules["repeated"] !== undefined) return listCheck(field, object(rules["repeated"]));
  if (rules["map"] !== undefined) return mapCheck(field, object(rules["map"]));
  const all = valueRules(field, rules);
  if (all.length === 0) return undefined;
  return (value, context, place) => {
    for (const rule of all) {
      const problem = rule(value);
      if (problem !== undefined) context.add("ERR_XDS_TYPES_RULE", place, problem);
    }
  };
}

function valueRules(field: FieldDescriptor, rules: JsonObject): readonly ValueRule[] {
  return Object.entries(rules).flatMap(([kind, value]) => {
    const rule = object(value);
    switch (kind) {
      case "string":
        return stringRules(rule);
      case "bytes":
        return bytesRules(rule);
      case "enum":
        return enumRules(field, rule);
      case "bool":
        return rule["const"] === undefined
          ? []
          : [(held: unknown) => (held === rule["const"] ? undefined : `must be ${String(rule["const"])}`)];
      case "any":
        return anyRules(rule);
      case "duration":
        return durationRules(rule);
      case "timestamp":
        return timestampRules(rule);
      case "message":
        return [];
      default:
        return numberRules(kind, rule);
    }
  });
}

function listCheck(field: FieldDescriptor, rules: JsonObject): RuleCheck {
  const min = Number(rules["min_items"] ?? 0);
  const max = Number(rules["max_items"] ?? Number.POSITIVE_INFINITY);
  const items = rules["items"] === undefined ? undefined : valueCheck(field, object(rules["items"]));
  return (value, context, place) => {
    if (!Array.isArray(value)) return context.add("ERR_XDS_TYPES_VALUE", place, "expected a list");
    if (value.length === 0 && rules["ignore_empty"] === true) return;
    if (value.length < min) {
      context.add("ERR_XDS_TYPES_RULE", place, `needs at least ${min} items, has ${value.length}`);
    }
    if (value.length > max) {
      context.add("ERR_XDS_TYPES_RULE", place, `may have at most ${max} items, has ${value.length}`);
    }
    if (rules["unique"] === true && new Set(value).size < value.length) {
      context.add("ERR_XDS_TYPES_RULE", place, "items must differ from each other");
    }
    if (items === undefined) return;
    for (let index = 0; index < value.length; index++) items(value[index], context, { parent: place, key: index });
  };
}

function mapCheck(field: FieldDescriptor, rules: JsonObject): RuleCheck {
  const min = Number(rules["min_pairs"] ?? 0);
  const max = Number(rules["max_pairs"] ?? Number.POSITIVE_INFINITY);
  const keys = rules["keys"] === undefined ? undefined : valueCheck(field, object(rules["keys"]));
  const values = rules["values"] === undefined ? undefined : valueCheck(field, object(rules["values"]));
  return (value, context, place) => {
    if (typeof value !== "object" || value === null) {
      return context.add("ERR_XDS_TYPES_VALUE", place, "expected an object");
    }
    const entries = Object.entries(value);
    if (entries.length === 0 && rules["ignore_empty"] === true) return;
    if (entries.length < min) {
      context.add("ERR_XDS_TYPES_RULE", place, `needs at least ${min} entries, has ${entries.length}`);
    }
    if (entries.length > max) {
      context.add("ERR_XDS_TYPES_RULE", place, `may have at most ${max} entries, has ${entries.length}`);
    }
    for (const [key, item] of entries) {
      const at: Place = { parent: place, key, map: true };
      keys?.(key, context, at);
      values?.(item, context, at);
    }
  };
}
