import {
  enumDescriptor,
  type FieldDescriptor,
  type FieldKind,
  findMessage,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { formatDuration, formatTimestamp } from "../duration.js";
import { emptyRecord } from "../empty-record.js";
import { type Issue, XdsTypesError } from "../errors.js";
import type { Duration, FieldMask, JsonObject, JsonValue, JsonWriteOptions, Timestamp } from "../message.js";
import { typeNameOf } from "../type-url.js";
import { jsonTypes, maxDepth, wrappers } from "../wire/special.js";
import { toBase64 } from "./base64.js";
import { writeScalar } from "./scalar.js";

interface WriteContext {
  readonly key: "name" | "jsonName";
  readonly openAny: AnyOpener | undefined;
  readonly withhold: boolean;
  /** How many messages lie around the one that is written; those inside an `Any` count, whose bytes bound nothing. */
  depth: number;
}

/** What is written in place of a value that the schema marks as sensitive. */
export const withheld = "(withheld: the field is sensitive)";

/** Reads the message in an `Any` that is still bytes. Injected, so that this codec does not load the other one. */
export type AnyOpener = (type: MessageDescriptor, bytes: Uint8Array) => unknown;

type JsonWriter = (value: unknown, context: WriteContext) => JsonValue;

const writers = new WeakMap<MessageDescriptor, JsonWriter>();

/**
 * Writes plain data as canonical ProtoJSON, fields in the order of their numbers.
 *
 * @throws {@link XdsTypesError} with the path of what has no JSON form: `ERR_XDS_TYPES_LIMIT` beyond the depth that can
 * be read again, `ERR_XDS_TYPES_WIRE` for an `Any` whose bytes are not what its type says, `ERR_XDS_TYPES_VALUE`.
 */
export function writeJson(
  type: MessageDescriptor,
  message: unknown,
  options: JsonWriteOptions = {},
  openAny?: AnyOpener,
): JsonValue {
  const key = options.fieldNames === "snake_case" ? "name" : "jsonName";
  return messageWriter(type)(message, { key, openAny, withhold: options.sensitive === "withhold", depth: 0 });
}

function messageWriter(type: MessageDescriptor): JsonWriter {
  const known = writers.get(type);
  if (known !== undefined) return known;
  const made = special(type) ?? compile(type);
  writers.set(type, made);
  return made;
}

function special(type: MessageDescriptor): JsonWriter | undefined {
  if (wrappers.has(type.typeName)) return elementWriter(type.fields[0]?.of ?? { kind: "scalar", scalar: "string" });
  if (jsonTypes.has(type.typeName)) return (value) => value as JsonValue;
  switch (type.typeName) {
    case "google.protobuf.Any":
      return writeAny;
    case "google.protobuf.Duration":
      return (value) => formatDuration(value as Duration);
    case "google.protobuf.Timestamp":
      return (value) => {
        const text = formatTimestamp(value as Timestamp);
        if (text !== undefined) return text;
        const message = "a timestamp outside the years 1 to 9999 has no JSON form";
        throw new XdsTypesError([{ code: "ERR_XDS_TYPES_VALUE", path: "", message }]);
      };
    case "google.protobuf.FieldMask":
      return (value) => ((value as FieldMask).paths ?? []).map(maskPath).join(",");
    default:
      return undefined;
  }
}

/** In camelCase, if that can be read back. */
function maskPath(path: string): string {
  const camel = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) === path && !camel.includes("_")) return camel;
  const message = `the path ${JSON.stringify(path)} of a field mask has no JSON form`;
  throw new XdsTypesError([{ code: "ERR_XDS_TYPES_VALUE", path: "", message }]);
}

function writeAny(value: unknown, context: WriteContext): JsonValue {
  const any = value as { readonly typeUrl?: string; readonly message?: unknown; readonly value?: Uint8Array };
  if (any.typeUrl === undefined || any.typeUrl === "") return {};
  const type = findMessage(typeNameOf(any.typeUrl));
  const bytes = any.value ?? new Uint8Array(0);
  const message = type === undefined ? undefined : (any.message ?? context.openAny?.(type, bytes));
  if (type === undefined || message === undefined) return { "@type": any.typeUrl, "@value": toBase64(bytes) };
  enter(context);
  const body = messageWriter(type)(message, context);
  context.depth--;
  if (special(type) !== undefined) return { "@type": any.typeUrl, value: body };
  return { "@type": any.typeUrl, ...(body as JsonObject) };
}

function compile(type: MessageDescriptor): JsonWriter {
  const fields = type.fields.map((field) => ({ field, write: fieldWriter(field) }));
  return (value, context) => {
    const message = value as Readonly<Record<string, unknown>>;
    const json: Record<string, JsonValue> = {};
    let at = "";
    enter(context);
    try {
      for (const { field, write } of fields) {
        const held = message[field.jsonName];
        if (held === undefined || (!field.presence && isDefault(field, held))) continue;
        at = field.name;
        json[field[context.key]] = context.withhold && field.sensitive ? withheld : write(held, context);
      }
    } catch (error) {
      throw under(at, error);
    }
    context.depth--;
    return json;
  };
}

function enter(context: WriteContext): void {
  if (context.depth++ <= maxDepth) return;
  const message = `messages lie more than ${maxDepth} deep`;
  throw new XdsTypesError([{ code: "ERR_XDS_TYPES_LIMIT", path: "", message }]);
}

/** A problem on its way out, one step nearer to the root. */
function under(segment: string, error: unknown): unknown {
  if (!(error instanceof XdsTypesError)) return error;
  const [{ path, ...issue }] = error.issues as readonly [Issue];
  const dot = path === "" || path.startsWith("[") ? "" : ".";
  return new XdsTypesError([{ ...issue, path: `${segment}${dot}${path}` }], { cause: error.cause });
}

function isDefault(field: FieldDescriptor, value: unknown): boolean {
  if (field.cardinality === "list") return (value as readonly unknown[]).length === 0;
  if (field.cardinality === "map") return Object.keys(value as object).length === 0;
  if (field.of.kind === "enum") return value === 0 || value === enumDescriptor(field.of.typeName).byNumber.get(0);
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === false || value === 0n || (value === 0 && !Object.is(value, -0));
}

function fieldWriter(field: FieldDescriptor): JsonWriter {
  const element = elementWriter(field.of);
  switch (field.cardinality) {
    case "one":
      return element;
    case "list":
      return (value, context) => {
        let at = 0;
        try {
          return (value as readonly unknown[]).map((item, index) => {
            at = index;
            return element(item, context);
          });
        } catch (error) {
          throw under(`[${at}]`, error);
        }
      };
    case "map":
      return (value, context) => {
        const map = value as Readonly<Record<string, unknown>>;
        const json = emptyRecord() as Record<string, JsonValue>;
        let at = "";
        try {
          for (const key of Object.keys(map).sort()) {
            at = key;
            json[key] = element(map[key], context);
          }
        } catch (error) {
          throw under(`[${JSON.stringify(at)}]`, error);
        }
        return json;
      };
  }
}

function elementWriter(of: FieldKind): JsonWriter {
  switch (of.kind) {
    case "scalar": {
      const { scalar } = of;
      return (value) => writeScalar(scalar, value);
    }
    case "enum":
      if (of.typeName === "google.protobuf.NullValue") return () => null;
      return (value) => value as JsonValue;
    case "message": {
      let write: JsonWriter | undefined;
      return (value, context) => {
        write ??= messageWriter(messageDescriptor(of.typeName));
        return write(value, context);
      };
    }
  }
}
