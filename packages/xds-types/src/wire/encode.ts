import protobuf from "protobufjs/minimal.js";
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
import { mismatch, scalarDefault, type Writer, wireTypeOf, writeScalar } from "./scalar.js";
import { sortedKeys } from "./sorted-keys.js";
import { anyType, jsonTypes, maxDepth, wrappers } from "./special.js";
import { unknownFields } from "./unknown-fields.js";

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
  const writer = protobuf.Writer.create();
  try {
    bodyWriter(type)(writer, message, 0);
  } catch (error) {
    const { path, message: problem } = unwritable(error);
    throw new XdsTypesError([{ code: "ERR_XDS_TYPES_VALUE", path, message: problem }]);
  }
  const bytes = writer.finish();
  // In Node protobufjs gives a Buffer; callers get what the type says, without a copy.
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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

function compileFields(type: MessageDescriptor): ValueWriter {
  const writers = type.fields.map((field) => ({ key: field.jsonName, name: field.name, write: fieldWriter(field) }));
  return (writer, value, depth) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new Unwritable(mismatch(`an object (${type.typeName})`, value).message);
    }
    if (depth > maxDepth) throw new Unwritable(`messages lie more than ${maxDepth} deep`);
    const message = value as Fields;
    let at = "";
    try {
      for (let index = 0; index < writers.length; index++) {
        const field = writers[index];
        const held = field === undefined ? undefined : message[field.key];
        if (field === undefined || held === undefined) continue;
        at = field.name;
        field.write(writer, held, depth);
      }
    } catch (error) {
      throw unwritable(error).at(at);
    }
    const unknown = message[unknownFields];
    if (unknown instanceof Uint8Array) writer.raw(unknown);
  };
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
    if (presence || value !== "") writer.uint32(tag).string(value);
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
    if (field.packed) writer.uint32(((field.number << 3) | 2) >>> 0).fork();
    for (let index = 0; index < value.length; index++) {
      if (!field.packed) writer.uint32(tag);
      try {
        element(writer, value[index], depth);
      } catch (error) {
        throw unwritable(error).at(`[${index}]`);
      }
    }
    if (field.packed) writer.ldelim();
  };
}

function mapWriter(field: FieldDescriptor): ValueWriter {
  const keyType = field.mapKey ?? "string";
  const writeKey = writeScalar(keyType);
  const keyTag = (1 << 3) | wireTypeOf({ kind: "scalar", scalar: keyType });
  const element = elementWriter(field.of);
  const valueTag = (2 << 3) | wireTypeOf(field.of);
  return (writer, value, depth) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch("an object", value);
    const map = value as Record<string, unknown>;
    for (const key of sortedKeys(map)) {
      writer.uint32(((field.number << 3) | 2) >>> 0).fork();
      try {
        writer.uint32(keyTag);
        writeKey(writer, mapKey(keyType, key));
        writer.uint32(valueTag);
        element(writer, map[key], depth);
      } catch (error) {
        throw unwritable(error).at(`[${JSON.stringify(key)}]`);
      }
      writer.ldelim();
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
      return (writer, value, depth) => {
        write ??= bodyWriter(messageDescriptor(of.typeName));
        writer.fork();
        write(writer, value, depth + 1);
        writer.ldelim();
      };
    }
  }
}

function writeAny(writer: Writer, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) throw mismatch("an Any", value);
  const any = value as Fields;
  const typeUrl = any["typeUrl"] ?? "";
  if (typeof typeUrl !== "string") throw mismatch("a string", typeUrl);
  if (typeUrl !== "") writer.uint32(10).string(typeUrl);
  const bytes = any["value"];
  if (bytes instanceof Uint8Array) {
    if (bytes.length > 0) writer.uint32(18).bytes(bytes);
  } else if ("message" in any) {
    writer.uint32(18).fork();
    try {
      bodyWriter(messageDescriptor(typeNameOf(typeUrl)))(writer, any["message"], depth + 1);
    } catch (error) {
      if (error instanceof XdsTypesError) throw new Unwritable(error.message);
      throw error;
    }
    writer.ldelim();
  }
  const unknown = any[unknownFields];
  if (unknown instanceof Uint8Array) writer.raw(unknown);
}
