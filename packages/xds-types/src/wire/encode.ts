import {
  enumDescriptor,
  type FieldDescriptor,
  type FieldKind,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { XdsTypesError } from "../errors.js";
import { typeNameOf } from "../type-url.js";
import { jsonWriter } from "./encode-json.js";
import { mismatch, scalarDefault, wireTypeOf, writeScalar } from "./scalar.js";
import { sortedKeys } from "./sorted-keys.js";
import { anyType, jsonTypes, maxDepth, wrappers } from "./special.js";
import { unknownFields } from "./unknown-fields.js";
import { Writer } from "./writer.js";

type Fields = Record<string | symbol, unknown>;

/** Writes one value, tag and length excluded. */
type ValueWriter = (writer: Writer, value: unknown, depth: number) => void;

/** A value that cannot be written, and where it is. The path grows on the way out. */
class Unwritable extends Error {
  path = "";

  at(segment: string): this {
    this.path = this.path === "" || this.path.startsWith("[") ? segment + this.path : `${segment}.${this.path}`;
    return this;
  }
}

const bodies = new WeakMap<MessageDescriptor, ValueWriter>();

/**
 * Writes plain data as the wire format of a message.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_VALUE` with the path of the value that does not fit.
 */
export function encodeMessage(type: MessageDescriptor, message: unknown): Uint8Array {
  const writer = new Writer();
  try {
    bodyWriter(type)(writer, message, 0);
    return writer.finish();
  } catch (error) {
    writer.release();
    const { path, message: problem } = unwritable(error);
    throw new XdsTypesError([{ code: "ERR_XDS_TYPES_VALUE", path, message: problem }]);
  }
}

function bodyWriter(type: MessageDescriptor): ValueWriter {
  const known = bodies.get(type);
  if (known !== undefined) return known;
  const made = compileBody(type);
  bodies.set(type, made);
  return made;
}

function compileBody(type: MessageDescriptor): ValueWriter {
  if (type.typeName === anyType) return writeAny;
  const [first] = type.fields;
  if (first !== undefined && wrappers.has(type.typeName)) return fieldWriter(first);
  return jsonTypes.has(type.typeName) ? jsonWriter(type.typeName) : compileFields(type);
}

interface FieldWriter {
  readonly index: number;
  readonly key: string;
  readonly name: string;
  readonly write: ValueWriter;
}

const withheldProblem = "is not what this field takes; the value is withheld, the field is sensitive";

/** With so many fields, most of them absent, it is cheaper to ask the message what it has. */
const manyFields = 10;

function compileFields(type: MessageDescriptor): ValueWriter {
  const writers: readonly FieldWriter[] = type.fields.map((field, index) => {
    return { index, key: field.jsonName, name: field.name, write: fieldWriter(field) };
  });
  const byKey = new Map(writers.length > manyFields ? writers.map((each) => [each.key, each]) : []);
  return (writer, value, depth) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Unwritable(mismatch(`an object (${type.typeName})`, value).message);
    }
    if (depth > maxDepth) throw new Unwritable(`messages lie more than ${maxDepth} deep`);
    const message = value as Fields;
    let at = "";
    try {
      if (byKey.size > 0 && isOrdered(byKey, message)) {
        for (const key in message) {
          const field = byKey.get(key);
          const held = message[key];
          if (field === undefined || held === undefined) continue;
          at = field.name;
          field.write(writer, held, depth);
        }
      } else
        for (let index = 0; index < writers.length; index++) {
          const field = writers[index];
          const held = field === undefined ? undefined : message[field.key];
          if (field === undefined || held === undefined) continue;
          at = field.name;
          field.write(writer, held, depth);
        }
    } catch (error) {
      const problem = unwritable(error);
      if (type.fields.some(({ name, sensitive }) => sensitive && name === at)) problem.message = withheldProblem;
      throw problem.at(at);
    }
    const unknown = message[unknownFields];
    if (unknown instanceof Uint8Array) writer.raw(unknown);
  };
}

/** Whether the message has its fields in the order of their numbers, as decoded ones have. */
function isOrdered(byKey: ReadonlyMap<string, FieldWriter>, message: Fields): boolean {
  let last = -1;
  for (const key in message) {
    const index = byKey.get(key)?.index ?? last;
    if (index < last) return false;
    last = index;
  }
  return true;
}

function unwritable(error: unknown): Unwritable {
  if (error instanceof Unwritable) return error;
  // A SyntaxError is BigInt's, about the key of a map.
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) {
    return new Unwritable(error.message);
  }
  throw error;
}

function fieldWriter(field: FieldDescriptor): ValueWriter {
  if (field.cardinality === "map") return mapWriter(field);
  const element = elementWriter(field.of);
  const tag = ((field.number << 3) | wireTypeOf(field.of)) >>> 0;
  if (field.cardinality === "list") return listWriter(field, element, tag);
  if (field.of.kind === "scalar" && field.of.scalar === "string") return stringWriter(tag, field.presence);
  if (field.presence) {
    return (writer, value, depth) => {
      writer.uint32(tag);
      element(writer, value, depth);
    };
  }
  const isDefault = defaultTest(field.of);
  return (writer, value, depth) => {
    if (isDefault(value)) return;
    writer.uint32(tag);
    element(writer, value, depth);
  };
}

/** The most common field by far: one function instead of three. */
function stringWriter(tag: number, presence: boolean): ValueWriter {
  return (writer, value) => {
    if (typeof value !== "string") throw mismatch("a string", value);
    if (!presence && value === "") return;
    writer.uint32(tag);
    writer.string(value);
  };
}

/** Whether a field without presence is left out. */
function defaultTest(of: FieldKind): (value: unknown) => boolean {
  if (of.kind === "enum") {
    const zero = enumDescriptor(of.typeName).byNumber.get(0);
    return (value) => value === zero || value === 0;
  }
  if (of.kind === "scalar" && of.scalar === "bytes")
    return (value) => value instanceof Uint8Array && value.length === 0;
  const zero = scalarDefault(of);
  return (value) => value === zero && !Object.is(value, -0);
}

function listWriter(field: FieldDescriptor, element: ValueWriter, tag: number): ValueWriter {
  return (writer, value, depth) => {
    if (!Array.isArray(value)) throw mismatch("a list", value);
    if (value.length === 0) return;
    let start = 0;
    if (field.packed) {
      writer.uint32(((field.number << 3) | 2) >>> 0);
      start = writer.fork(1);
    }
    for (let index = 0; index < value.length; index++) {
      if (!field.packed) writer.uint32(tag);
      try {
        element(writer, value[index], depth);
      } catch (error) {
        throw unwritable(error).at(`[${index}]`);
      }
    }
    if (field.packed) writer.join(start, 1);
  };
}

function mapWriter(field: FieldDescriptor): ValueWriter {
  const keyType = field.mapKey ?? "string";
  const writeKey = writeScalar(keyType);
  const keyTag = (1 << 3) | wireTypeOf({ kind: "scalar", scalar: keyType });
  const element = elementWriter(field.of);
  const valueTag = (2 << 3) | wireTypeOf(field.of);
  let width = 1;
  return (writer, value, depth) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch("an object", value);
    const map = value as Record<string, unknown>;
    for (const key of sortedKeys(map)) {
      writer.uint32(((field.number << 3) | 2) >>> 0);
      const guess = width;
      const start = writer.fork(guess);
      try {
        writer.uint32(keyTag);
        writeKey(writer, mapKey(keyType, key));
        writer.uint32(valueTag);
        element(writer, map[key], depth);
      } catch (error) {
        throw unwritable(error).at(`[${JSON.stringify(key)}]`);
      }
      width = writer.join(start, guess);
    }
  };
}

/** A map's key as its type, from the string that it is in a record. */
function mapKey(type: string, key: string): unknown {
  if (type === "string") return key;
  if (type === "bool") return key === "true";
  return type.endsWith("64") ? BigInt(key) : Number(key);
}

function elementWriter(of: FieldKind): ValueWriter {
  switch (of.kind) {
    case "scalar":
      return writeScalar(of.scalar);
    case "enum": {
      const type = enumDescriptor(of.typeName);
      return (writer, value) => {
        const number = typeof value === "string" ? type.byName.get(value) : value;
        if (typeof number !== "number" || !Number.isInteger(number))
          throw mismatch(`a value of ${type.typeName}`, value);
        writer.int32(number);
      };
    }
    case "message": {
      let write: ValueWriter | undefined;
      // Messages of one field are of about one size: the length in front will be as wide as the last one was.
      let width = 1;
      return (writer, value, depth) => {
        write ??= bodyWriter(messageDescriptor(of.typeName));
        const guess = width;
        const start = writer.fork(guess);
        write(writer, value, depth + 1);
        width = writer.join(start, guess);
      };
    }
  }
}

function writeAny(writer: Writer, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) throw mismatch("an Any", value);
  const any = value as Fields;
  const typeUrl = any["typeUrl"] ?? "";
  if (typeof typeUrl !== "string") throw mismatch("a string", typeUrl);
  if (typeUrl !== "") {
    writer.uint32(10);
    writer.string(typeUrl);
  }
  const bytes = any["value"];
  if (bytes instanceof Uint8Array) {
    if (bytes.length > 0) {
      writer.uint32(18);
      writer.bytes(bytes);
    }
  } else if ("message" in any) {
    writer.uint32(18);
    const start = writer.fork(2);
    try {
      bodyWriter(messageDescriptor(typeNameOf(typeUrl)))(writer, any["message"], depth + 1);
    } catch (error) {
      if (error instanceof XdsTypesError) throw new Unwritable(error.message);
      throw error;
    }
    // An empty message is no value, as in an opaque `Any`: equal messages give equal bytes.
    if (!writer.takeBack(start, 2, 1)) writer.join(start, 2);
  }
  const unknown = any[unknownFields];
  if (unknown instanceof Uint8Array) writer.raw(unknown);
}
