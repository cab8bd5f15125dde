import {
  enumDescriptor,
  type FieldDescriptor,
  type FieldKind,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { emptyRecord } from "../empty-record.js";
import { XdsTypesError } from "../errors.js";
import type { DecodeOptions } from "../message.js";
import { jsonReader } from "./decode-json.js";
import { BudgetSpent, Reader } from "./reader.js";
import { readScalar, scalarDefault, wireTypeOf } from "./scalar.js";
import { anyType, defaultMaxValues, jsonTypes, maxDepth, wrappers } from "./special.js";
import { keepUnknownField } from "./unknown-fields.js";

type Fields = Record<string, unknown>;

/** Reads one field's value into the message. */
type FieldReader = (reader: Reader, message: Fields, depth: number) => void;

/** Reads the body of a message that ends at `end`, adding to what the message already holds. */
type BodyReader = (reader: Reader, end: number, message: Fields, depth: number) => void;

/** Reads a whole value of a message-typed field. `before` is what an earlier occurrence of the field gave. */
type ValueReader = (reader: Reader, end: number, before: unknown, depth: number) => unknown;

const bodies = new WeakMap<MessageDescriptor, BodyReader>();

/**
 * Reads the wire format of a message into plain data.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_WIRE`, `ERR_XDS_TYPES_LIMIT`.
 */
export function decodeMessage(
  type: MessageDescriptor,
  bytes: Uint8Array,
  { maxValues = defaultMaxValues }: DecodeOptions = {},
): unknown {
  const reader = new Reader(bytes, maxValues);
  try {
    return valueReader(type)(reader, reader.len, undefined, 0);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (error instanceof BudgetSpent) {
      const message = `a ${type.typeName} of more than ${maxValues} values`;
      throw new XdsTypesError([{ code: "ERR_XDS_TYPES_LIMIT", path: "", message }], { cause: error });
    }
    const message = `not the wire format of ${type.typeName}: ${error.message}`;
    throw new XdsTypesError([{ code: "ERR_XDS_TYPES_WIRE", path: "", message }], { cause: error });
  }
}

/** How a value of this message type becomes plain data; most types give an object with their fields. */
function valueReader(type: MessageDescriptor): ValueReader {
  const [only] = type.fields;
  if (only !== undefined && wrappers.has(type.typeName)) return wrapperReader(only);
  if (jsonTypes.has(type.typeName)) return jsonReader(type.typeName);
  if (type.typeName === anyType) {
    return (reader, end, before, depth) => {
      const fields: Fields = { typeUrl: "", value: new Uint8Array(0), ...(before as Fields | undefined) };
      body(type)(reader, end, fields, depth);
      // A default on the wire takes the field back, but an `Any` has both: what is empty here is an empty message.
      fields["typeUrl"] ??= "";
      fields["value"] ??= new Uint8Array(0);
      return fields;
    };
  }
  let read: BodyReader | undefined;
  return (reader, end, before, depth) => {
    read ??= body(type);
    const fields = (before ?? {}) as Fields;
    read(reader, end, fields, depth);
    return fields;
  };
}

/** A wrapper is its one field's value. */
function wrapperReader({ of, number }: FieldDescriptor): ValueReader {
  const read = elementReader(of);
  const valueTag = (number << 3) | wireTypeOf(of);
  return (reader, end, before, depth) => {
    if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
    let value = before ?? scalarDefault(of);
    while (reader.pos < end) {
      const tag = reader.size();
      if (tag === valueTag) value = read(reader, undefined, depth);
      else if (tag >>> 3 === 0) throw new RangeError("field number 0");
      else reader.skip(tag, depth);
    }
    if (reader.pos !== end) throw new RangeError(`a field runs over the end of its message at ${end}`);
    return value;
  };
}

function body(type: MessageDescriptor): BodyReader {
  const known = bodies.get(type);
  if (known !== undefined) return known;
  const made = compileBody(type);
  bodies.set(type, made);
  return made;
}

function compileBody(type: MessageDescriptor): BodyReader {
  // Indexed by tag (number and wire type): one look-up tells a known field from everything else.
  const readers: (FieldReader | undefined)[] = [];
  const rare = new Map<number, FieldReader>();
  const add = (tag: number, read: FieldReader): void => {
    if (tag < 1024) readers[tag] = read;
    else rare.set(tag, read);
  };
  for (const field of type.fields) {
    for (const [wireType, read] of fieldReaders(type, field)) add(((field.number << 3) | wireType) >>> 0, read);
  }
  return (reader, end, message, depth) => {
    if (depth > maxDepth) throw new RangeError(`messages lie more than ${maxDepth} deep`);
    if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
    while (reader.pos < end) {
      const start = reader.pos;
      const tag = reader.size();
      const read = tag < 1024 ? readers[tag] : rare.get(tag);
      reader.count();
      if (read !== undefined) {
        read(reader, message, depth);
      } else {
        if (tag >>> 3 === 0) throw new RangeError("field number 0");
        reader.skip(tag, depth);
        keepUnknownField(message, reader.buf.subarray(start, reader.pos));
      }
    }
    if (reader.pos !== end) throw new RangeError(`a field runs over the end of its message at ${end}`);
  };
}

function fieldReaders(type: MessageDescriptor, field: FieldDescriptor): [wireType: number, FieldReader][] {
  if (field.cardinality === "map") return [[2, mapReader(field)]];
  const read = elementReader(field.of);
  const wireType = wireTypeOf(field.of);
  const key = field.jsonName;
  if (field.cardinality === "list") {
    const one: FieldReader = (reader, message, depth) => {
      listOf(message, key).push(read(reader, undefined, depth));
    };
    if (wireType === 2) return [[2, one]];
    const run: FieldReader = (reader, message, depth) => {
      const end = reader.size() + reader.pos;
      const list = listOf(message, key);
      while (reader.pos < end) {
        reader.count();
        list.push(read(reader, undefined, depth));
      }
      if (reader.pos !== end) throw new RangeError(`a packed list runs over its end at ${end}`);
    };
    // Both forms are read, whatever the schema says is written.
    return [
      [wireType, one],
      [2, run],
    ];
  }
  if (field.oneof >= 0) return [[wireType, oneofReader(type, field, read)]];
  if (field.presence) {
    return [
      [
        wireType,
        (reader, message, depth) => {
          message[key] = read(reader, message[key], depth);
        },
      ],
    ];
  }
  const fallback =
    field.of.kind === "enum" ? (enumDescriptor(field.of.typeName).byNumber.get(0) ?? 0) : scalarDefault(field.of);
  if (fallback === "") return [[wireType, stringReader(key)]];
  const isBytes = field.of.kind === "scalar" && field.of.scalar === "bytes";
  return [
    [
      wireType,
      (reader, message, depth) => {
        const value = read(reader, undefined, depth);
        // Implicit presence: the default is not a value; a later occurrence may take an earlier one back.
        if (isBytes ? (value as Uint8Array).length > 0 : value !== fallback || Object.is(value, -0))
          message[key] = value;
        else if (message[key] !== undefined) delete message[key];
      },
    ],
  ];
}

/** The most common field by far: one function instead of three. */
function stringReader(key: string): FieldReader {
  return (reader, message) => {
    const value = reader.string();
    if (value !== "") message[key] = value;
    else if (message[key] !== undefined) delete message[key];
  };
}

function oneofReader(type: MessageDescriptor, field: FieldDescriptor, read: ElementReader): FieldReader {
  const key = field.jsonName;
  const others = (type.oneofs[field.oneof]?.fields ?? [])
    .filter((other) => other !== field)
    .map((other) => other.jsonName);
  return (reader, message, depth) => {
    const value = read(reader, message[key], depth);
    // The last member on the wire wins.
    for (const other of others) if (message[other] !== undefined) delete message[other];
    message[key] = value;
  };
}

function listOf(message: Fields, key: string): unknown[] {
  const held = message[key] as unknown[] | undefined;
  if (held !== undefined) return held;
  const list: unknown[] = [];
  message[key] = list;
  return list;
}

type ElementReader = (reader: Reader, before: unknown, depth: number) => unknown;

function elementReader(of: FieldKind): ElementReader {
  switch (of.kind) {
    case "scalar": {
      const read = readScalar(of.scalar);
      return (reader) => read(reader);
    }
    case "enum": {
      const names = enumDescriptor(of.typeName).byNumber;
      return (reader) => {
        const number = reader.int32();
        return names.get(number) ?? number;
      };
    }
    case "message": {
      let value: ValueReader | undefined;
      return (reader, before, depth) => {
        value ??= valueReader(messageDescriptor(of.typeName));
        const end = reader.size() + reader.pos;
        return value(reader, end, before, depth + 1);
      };
    }
  }
}

function mapReader(field: FieldDescriptor): FieldReader {
  const key = readScalar(field.mapKey ?? "string");
  const keyTag = (1 << 3) | wireTypeOf({ kind: "scalar", scalar: field.mapKey ?? "string" });
  const value = elementReader(field.of);
  const valueTag = (2 << 3) | wireTypeOf(field.of);
  return (reader, message, depth) => {
    const end = reader.size() + reader.pos;
    if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
    let entryKey: unknown = scalarDefault({ kind: "scalar", scalar: field.mapKey ?? "string" });
    let entryValue: unknown;
    while (reader.pos < end) {
      const tag = reader.size();
      if (tag === keyTag) entryKey = key(reader);
      else if (tag === valueTag) entryValue = value(reader, entryValue, depth);
      else if (tag >>> 3 === 0) throw new RangeError("field number 0");
      else reader.skip(tag, depth);
    }
    if (reader.pos !== end) throw new RangeError(`a map entry runs over its end at ${end}`);
    let map = message[field.jsonName] as Fields | undefined;
    if (map === undefined) {
      map = emptyRecord() as Fields;
      message[field.jsonName] = map;
    }
    map[String(entryKey)] = entryValue ?? elementDefault(field.of);
  };
}

/** The value of a map entry that has none on the wire. */
function elementDefault(of: FieldKind): unknown {
  if (of.kind === "enum") return enumDescriptor(of.typeName).byNumber.get(0) ?? 0;
  if (of.kind === "scalar") return scalarDefault(of);
  const empty = new Reader(new Uint8Array(0));
  return valueReader(messageDescriptor(of.typeName))(empty, 0, undefined, 0);
}
