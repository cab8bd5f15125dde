import {
  type EnumDescriptor,
  enumDescriptor,
  type FieldDescriptor,
  type FieldKind,
  findMessage,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { emptyRecord } from "../empty-record.js";
import { type Issue, XdsTypesError } from "../errors.js";
import type { JsonReadOptions } from "../message.js";
import { jsonTypes, maxDepth } from "../wire/special.js";
import { withhold } from "../withhold.js";
import { JsonContext, type Place, show } from "./context.js";
import { nearestName } from "./nearest-name.js";
import { readSpecial, type SpecialReader } from "./read-special.js";
import { expected, readScalar } from "./scalar.js";

/** Reads one JSON value as plain data; `undefined` after noting what is wrong with it. */
export type JsonReader = (json: unknown, context: JsonContext, place: Place | undefined, depth: number) => unknown;

const readers = new WeakMap<MessageDescriptor, JsonReader>();

/** Reads ProtoJSON into plain data, throwing all problems at once. */
export function readJson(type: MessageDescriptor, json: unknown, options: JsonReadOptions = {}): unknown {
  const context = new JsonContext(options);
  const message = messageReader(type)(json, context, undefined, 0);
  const [first, ...rest] = context.issues;
  if (first !== undefined) throw new XdsTypesError([first, ...rest]);
  return message;
}

/** Reads what can be read and reports the rest. */
export function tryReadJson(
  type: MessageDescriptor,
  json: unknown,
  options: JsonReadOptions = {},
): { readonly message: unknown; readonly issues: readonly Issue[] } {
  const context = new JsonContext(options);
  const message = messageReader(type)(json, context, undefined, 0);
  return { message, issues: context.issues };
}

function messageReader(type: MessageDescriptor): JsonReader {
  const known = readers.get(type);
  if (known !== undefined) return known;
  const special: SpecialReader | undefined = readSpecial(type.typeName, readAnyBody);
  const made: JsonReader = special ?? compile(type);
  readers.set(type, made);
  return made;
}

/** The message inside an `Any`. Types with a JSON form of their own stand under `value`. */
function readAnyBody(
  typeName: string,
  json: Readonly<Record<string, unknown>>,
  context: JsonContext,
  place: Place | undefined,
  depth: number,
): unknown {
  const type = findMessage(typeName);
  if (type === undefined) {
    return context.fail("ERR_XDS_TYPES_UNKNOWN_TYPE", field(place, "@type"), `the schema has no message ${typeName}`);
  }
  const { "@type": _, ...rest } = json;
  if (readSpecial(typeName, readAnyBody) === undefined) return messageReader(type)(rest, context, place, depth);
  const { value, ...others } = rest;
  for (const key of Object.keys(others)) {
    context.fail("ERR_XDS_TYPES_UNKNOWN_FIELD", field(place, key), `an Any of ${typeName} has only @type and value`);
  }
  return messageReader(type)(value, context, field(place, "value"), depth);
}

function field(parent: Place | undefined, key: string): Place {
  return { parent, key };
}

interface FieldRead {
  readonly field: FieldDescriptor;
  readonly read: JsonReader;
}

function compile(type: MessageDescriptor): JsonReader {
  const byName = new Map<string, FieldRead>();
  for (const one of type.fields) {
    const entry = { field: one, read: fieldReader(one) };
    byName.set(one.name, entry);
    byName.set(one.jsonName, entry);
  }
  return (json, context, place, depth) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return context.fail("ERR_XDS_TYPES_JSON", place, `expected an object (${type.typeName}), got ${show(json)}`);
    }
    if (depth > maxDepth) return context.fail("ERR_XDS_TYPES_LIMIT", place, `messages lie more than ${maxDepth} deep`);
    const message: Record<string, unknown> = {};
    const given = type.oneofs.length > 0 ? new Map<number, string>() : undefined;
    for (const key of Object.keys(json)) {
      const value = (json as Record<string, unknown>)[key];
      const entry = byName.get(key);
      if (entry === undefined) {
        unknownField(type, key, byName, context, place);
        continue;
      }
      const { field: one, read } = entry;
      // null is "not given", but for Value, whose null is a value.
      if (value === undefined || (value === null && !takesNull(one))) continue;
      if (!context.count(place)) break;
      if (given !== undefined && one.oneof >= 0) {
        const before = given.get(one.oneof);
        // Both spellings of one field are not two members: Envoy takes them, and the later one counts.
        if (before !== undefined && byName.get(before) !== entry) {
          const oneof = type.oneofs[one.oneof]?.name;
          context.fail(
            "ERR_XDS_TYPES_DUPLICATE_FIELD",
            field(place, key),
            `at most one of ${oneof} may be set, and ${before} is`,
          );
          continue;
        }
        given.set(one.oneof, key);
      }
      const before = context.issues.length;
      const result = read(value, context, field(place, key), depth);
      if (one.sensitive) withhold(context.issues, before);
      if (result !== undefined) message[one.jsonName] = result;
      else if (Object.hasOwn(message, one.jsonName)) delete message[one.jsonName];
    }
    return message;
  };
}

function takesNull(one: FieldDescriptor): boolean {
  if (one.cardinality !== "one") return false;
  return (
    one.of.kind !== "scalar" &&
    (one.of.typeName === "google.protobuf.Value" || one.of.typeName === "google.protobuf.NullValue")
  );
}

function unknownField(
  type: MessageDescriptor,
  key: string,
  byName: ReadonlyMap<string, FieldRead>,
  context: JsonContext,
  place: Place | undefined,
): void {
  if (context.ignoreUnknown) return;
  const near = nearestName(key, key.includes("_") ? type.fields.map((one) => one.name) : byName.keys());
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  context.fail("ERR_XDS_TYPES_UNKNOWN_FIELD", field(place, key), `${type.typeName} has no such field${hint}`);
}

function fieldReader(one: FieldDescriptor): JsonReader {
  const element = elementReader(one.of);
  if (one.cardinality === "list") return listReader(one.of, element);
  if (one.cardinality === "map") return mapReader(one, element);
  if (one.presence) return element;
  const isDefault = defaultTest(one.of);
  return (json, context, place, depth) => {
    const value = element(json, context, place, depth);
    return isDefault(value) ? undefined : value;
  };
}

function defaultTest(of: FieldKind): (value: unknown) => boolean {
  if (of.kind === "enum") {
    const zero = enumDescriptor(of.typeName).byNumber.get(0);
    return (value) => value === zero || value === 0;
  }
  return (value) => {
    if (value instanceof Uint8Array) return value.length === 0;
    return value === "" || value === false || value === 0n || (value === 0 && !Object.is(value, -0));
  };
}

/**
 * Reads a list. Envoy takes a value alone for a list of one, and a list inside for its items; only where an item may
 * itself be a list is that a list.
 */
function listReader(of: FieldKind, element: JsonReader): JsonReader {
  const nests = of.kind === "message" && jsonTypes.has(of.typeName);
  const add = (list: unknown[], json: unknown, context: JsonContext, place: Place | undefined, depth: number): void => {
    if (depth > maxDepth) {
      context.fail("ERR_XDS_TYPES_LIMIT", place, `values lie more than ${maxDepth} deep`);
    } else if (!context.count(place)) {
      return;
    } else if (Array.isArray(json) && !nests) {
      for (const [key, item] of json.entries()) add(list, item, context, { parent: place, key }, depth + 1);
    } else {
      const value = element(json, context, place, depth);
      if (value !== undefined) list.push(value);
    }
  };
  return (json, context, place, depth) => {
    const list: unknown[] = [];
    const items: readonly unknown[] = Array.isArray(json) ? json : [json];
    for (let index = 0; index < items.length; index++) {
      const at = Array.isArray(json) ? { parent: place, key: index } : place;
      add(list, items[index], context, at, depth);
    }
    return list.length === 0 ? undefined : list;
  };
}

function mapReader(one: FieldDescriptor, element: JsonReader): JsonReader {
  const keyType = one.mapKey ?? "string";
  return (json, context, place, depth) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return context.fail("ERR_XDS_TYPES_JSON", place, `expected an object, got ${show(json)}`);
    }
    const map = emptyRecord();
    let empty = true;
    for (const key of Object.keys(json)) {
      const at: Place = { parent: place, key, map: true };
      if (!context.count(at)) break;
      const read = readScalar(keyType, key);
      if (read === undefined) {
        context.fail("ERR_XDS_TYPES_JSON", at, `expected a key that is ${expected(keyType)}`);
        continue;
      }
      const value = element((json as Record<string, unknown>)[key], context, at, depth);
      if (value === undefined) continue;
      map[String(read)] = value;
      empty = false;
    }
    return empty ? undefined : map;
  };
}

function elementReader(of: FieldKind): JsonReader {
  switch (of.kind) {
    case "scalar": {
      const { scalar } = of;
      return (json, context, place) => {
        const value = readScalar(scalar, json);
        if (value !== undefined) return value;
        return context.fail("ERR_XDS_TYPES_JSON", place, `expected ${expected(scalar)}, got ${show(json)}`);
      };
    }
    case "enum": {
      const type = enumDescriptor(of.typeName);
      if (type.typeName === "google.protobuf.NullValue") return () => "NULL_VALUE";
      return (json, context, place) => readEnum(type, json, context, place);
    }
    case "message": {
      let read: JsonReader | undefined;
      return (json, context, place, depth) => {
        read ??= messageReader(messageDescriptor(of.typeName));
        return read(json, context, place, depth + 1);
      };
    }
  }
}

function readEnum(type: EnumDescriptor, json: unknown, context: JsonContext, place: Place | undefined): unknown {
  if (typeof json === "string") {
    if (type.byName.has(json)) return type.byNumber.get(type.byName.get(json) ?? 0);
    // Envoy reads enum names in any case.
    const upper = json.toUpperCase();
    if (type.byName.has(upper)) return type.byNumber.get(type.byName.get(upper) ?? 0);
  }
  const number = readScalar("int32", json);
  if (typeof number === "number") return type.byNumber.get(number) ?? number;
  const near = typeof json === "string" ? nearestName(json, type.byName.keys()) : undefined;
  const hint =
    near === undefined ? `one of ${[...type.byName.keys()].slice(0, 12).join(", ")}` : `did you mean ${near}?`;
  return context.fail("ERR_XDS_TYPES_JSON", place, `${show(json)} is not a value of ${type.typeName}; ${hint}`);
}
