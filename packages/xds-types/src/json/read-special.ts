import { messageDescriptor } from "../descriptor.js";
import { formatDuration, parseDuration, parseTimestamp } from "../duration.js";
import { emptyRecord } from "../empty-record.js";
import type { Duration, JsonValue } from "../message.js";
import { typeNameOf } from "../type-url.js";
import { wrappers } from "../wire/special.js";
import { fromBase64 } from "./base64.js";
import { type JsonContext, type Place, show } from "./context.js";
import { expected, readScalar } from "./scalar.js";

/** A reader of a message that has a JSON form of its own. */
export type SpecialReader = (json: unknown, context: JsonContext, place: Place | undefined, depth: number) => unknown;

/** Reads the message inside an `Any`, whose type was found in the text. */
export type AnyBodyReader = (
  typeName: string,
  json: Readonly<Record<string, unknown>>,
  context: JsonContext,
  place: Place | undefined,
  depth: number,
) => unknown;

/** The reader of a type whose JSON form is not an object with its fields; `undefined` for all others. */
export function readSpecial(typeName: string, readAnyBody: AnyBodyReader): SpecialReader | undefined {
  if (!typeName.startsWith("google.protobuf.")) return undefined;
  if (wrappers.has(typeName)) return wrapperReader(typeName);
  switch (typeName) {
    case "google.protobuf.Any":
      return anyReader(readAnyBody);
    case "google.protobuf.Duration":
      return (json, context, place) => {
        const value = typeof json === "string" ? parseDuration(json) : secondsAndNanos(json);
        if (value !== undefined) return value;
        return context.fail("ERR_XDS_TYPES_JSON", place, `expected a duration such as "1.5s", got ${show(json)}`);
      };
    case "google.protobuf.Timestamp":
      return (json, context, place) => {
        const value = typeof json === "string" ? parseTimestamp(json) : undefined;
        if (value !== undefined) return value;
        const wanted = 'expected a timestamp such as "2026-01-02T03:04:05Z"';
        return context.fail("ERR_XDS_TYPES_JSON", place, `${wanted}, got ${show(json)}`);
      };
    case "google.protobuf.FieldMask":
      return fieldMask;
    case "google.protobuf.Struct":
      return (json, context, place, depth) => {
        if (typeof json === "object" && json !== null && !Array.isArray(json))
          return plain(json, context, place, depth);
        return context.fail("ERR_XDS_TYPES_JSON", place, `expected an object, got ${show(json)}`);
      };
    case "google.protobuf.ListValue":
      return (json, context, place, depth) => {
        if (Array.isArray(json)) return plain(json, context, place, depth);
        return context.fail("ERR_XDS_TYPES_JSON", place, `expected a list, got ${show(json)}`);
      };
    case "google.protobuf.Value":
      return plain;
    default:
      return undefined;
  }
}

/** A duration as the object it is on the wire: Envoy's loader reads `{ seconds: 25 }` as well. */
function secondsAndNanos(json: unknown): Duration | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const { seconds: wholeJson = 0, nanos: partJson = 0, ...rest } = json as Readonly<Record<string, unknown>>;
  const seconds = readScalar("int64", wholeJson);
  const nanos = readScalar("int32", partJson);
  if (typeof seconds !== "bigint" || typeof nanos !== "number" || Object.keys(rest).length > 0) return undefined;
  return parseDuration(formatDuration({ seconds, nanos }));
}

function wrapperReader(typeName: string): SpecialReader {
  const of = messageDescriptor(typeName).fields[0]?.of;
  const scalar = of?.kind === "scalar" ? of.scalar : "string";
  return (json, context, place) => {
    const value = readScalar(scalar, insideWrapper(json));
    if (value !== undefined) return value;
    return context.fail("ERR_XDS_TYPES_JSON", place, `expected ${expected(scalar)}, got ${show(json)}`);
  };
}

/** A wrapper written as the message it is: Envoy's loader reads `{ value: true }` as well. */
function insideWrapper(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Object.keys(json).join() !== "value") return json;
  return (json as { readonly value: unknown }).value;
}

function fieldMask(json: unknown, context: JsonContext, place: Place | undefined): unknown {
  if (typeof json !== "string" || json.includes("_")) {
    return context.fail(
      "ERR_XDS_TYPES_JSON",
      place,
      `expected field names in camelCase joined by commas, got ${show(json)}`,
    );
  }
  if (json === "") return {};
  return { paths: json.split(",").map((path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)) };
}

function anyReader(readAnyBody: AnyBodyReader): SpecialReader {
  return (json, context, place, depth) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      return context.fail("ERR_XDS_TYPES_JSON", place, `expected an object with @type, got ${show(json)}`);
    }
    const fields = json as Readonly<Record<string, unknown>>;
    const typeUrl = fields["@type"];
    if (typeUrl === undefined && Object.keys(fields).length === 0) return { typeUrl: "", value: new Uint8Array(0) };
    if (typeof typeUrl !== "string" || typeUrl === "") {
      return context.fail(
        "ERR_XDS_TYPES_JSON",
        place,
        "@type is missing: it names the message, as type.googleapis.com/NAME",
      );
    }
    const opaque = opaqueAny(typeUrl, fields);
    if (opaque !== undefined) return opaque;
    const before = context.issues.length;
    const message = readAnyBody(typeNameOf(typeUrl), fields, context, place, depth + 1);
    return context.issues.length > before ? undefined : { typeUrl, message };
  };
}

/** An Any of an unknown type as this package writes it: its bytes in base64 under `value`, and nothing else. */
function opaqueAny(typeUrl: string, fields: Readonly<Record<string, unknown>>): unknown {
  const { "@type": _, "@value": value, ...rest } = fields;
  if (typeof value !== "string" || Object.keys(rest).length > 0) return undefined;
  const bytes = fromBase64(value);
  return bytes === undefined ? undefined : { typeUrl, value: bytes };
}

/** JSON as it is, in objects without a prototype and within the limits. */
function plain(json: unknown, context: JsonContext, place: Place | undefined, depth: number): JsonValue | undefined {
  if (!context.count(place)) return undefined;
  switch (typeof json) {
    case "string":
    case "boolean":
      return json;
    case "bigint":
      return Number(json);
    case "number":
      if (Number.isFinite(json)) return json;
      return context.fail("ERR_XDS_TYPES_JSON", place, `${json} has no place in JSON`);
    case "object":
      break;
    default:
      return context.fail("ERR_XDS_TYPES_JSON", place, `expected JSON, got ${typeof json}`);
  }
  if (json === null) return null;
  if (depth > 100) return context.fail("ERR_XDS_TYPES_LIMIT", place, "values lie more than 100 deep");
  if (Array.isArray(json)) {
    return json.map((item, index) => plain(item, context, { parent: place, key: index }, depth + 1) ?? null);
  }
  const object = emptyRecord() as Record<string, JsonValue>;
  for (const key of Object.keys(json)) {
    const value = plain((json as Record<string, unknown>)[key], context, { parent: place, key, map: true }, depth + 1);
    if (value !== undefined) object[key] = value;
  }
  return object;
}
