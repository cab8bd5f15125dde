import protobuf from "protobufjs/minimal.js";
import {
  enumDescriptor,
  type FieldDescriptor,
  type FieldKind,
  type MessageDescriptor,
  messageDescriptor,
} from "../descriptor.js";
import { XdsTypesError } from "../errors.js";
import { type Reader, readScalar, scalarDefault, wireTypeOf } from "./scalar.js";
import { anyType, jsonTypes, maxDepth, wrappers } from "./special.js";
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
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_WIRE`.
 */
export function decodeMessage(type: MessageDescriptor, bytes: Uint8Array): unknown {
  const reader = protobuf.Reader.create(bytes) as Reader;
  try {
    return valueReader(type)(reader, reader.len, undefined, 0);
  } catch (error) {
    if (error instanceof XdsTypesError) throw error;
    const message = `not the wire format of ${type.typeName}: ${(error as Error).message}`;
    throw new XdsTypesError([{ code: "ERR_XDS_TYPES_WIRE", path: "", message }], { cause: error });
  }
}

/** How a value of this message type becomes plain data; most types give an object with their fields. */
function valueReader(type: MessageDescriptor): ValueReader {
  if (wrappers.has(type.typeName)) {
    return (reader, end, before, depth) => {
      const fields: Fields = before === undefined ? {} : { value: before };
      body(type)(reader, end, fields, depth);
      return fields["value"] ?? scalarDefault(type.fields[0]?.of);
    };
  }
  if (jsonTypes.has(type.typeName)) {
    return (reader, end, _before, depth) => {
      const fields: Fields = {};
      body(type)(reader, end, fields, depth);
      return plainJson(type.typeName, fields);
    };
  }
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
  return (reader, end, before, depth) => {
    const fields = (before ?? {}) as Fields;
    body(type)(reader, end, fields, depth);
    return fields;
  };
}

/** `Struct`, `ListValue` and `Value` as JSON, from the fields their message has on the wire. */
function plainJson(typeName: string, fields: Fields): unknown {
  if (typeName === "google.protobuf.Struct") return fields["fields"] ?? Object.create(null);
  if (typeName === "google.protobuf.ListValue") return fields["values"] ?? [];
  for (const key in fields) return key === "nullValue" ? null : fields[key];
  return null;
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
    if (depth > maxDepth) throw new Error(`messages lie more than ${maxDepth} deep`);
    if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
    while (reader.pos < end) {
      const start = reader.pos;
      const tag = reader.uint32();
      const read = tag < 1024 ? readers[tag] : rare.get(tag);
      if (read !== undefined) {
        read(reader, message, depth);
      } else {
        if (tag >>> 3 === 0) throw new Error("field number 0");
        reader.skipType(tag & 7, depth);
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
      const end = reader.uint32() + reader.pos;
      const list = listOf(message, key);
      while (reader.pos < end) list.push(read(reader, undefined, depth));
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
        const end = reader.uint32() + reader.pos;
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
    const end = reader.uint32() + reader.pos;
    if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
    let entryKey: unknown = scalarDefault({ kind: "scalar", scalar: field.mapKey ?? "string" });
    let entryValue: unknown;
    while (reader.pos < end) {
      const tag = reader.uint32();
      if (tag === keyTag) entryKey = key(reader);
      else if (tag === valueTag) entryValue = value(reader, entryValue, depth);
      else reader.skipType(tag & 7, depth);
    }
    const map = (message[field.jsonName] as Fields | undefined) ?? (Object.create(null) as Fields);
    message[field.jsonName] = map;
    map[String(entryKey)] = entryValue ?? elementDefault(field.of);
  };
}

/** The value of a map entry that has none on the wire. */
function elementDefault(of: FieldKind): unknown {
  if (of.kind === "enum") return enumDescriptor(of.typeName).byNumber.get(0) ?? 0;
  if (of.kind === "scalar") return scalarDefault(of);
  const empty = protobuf.Reader.create(new Uint8Array(0)) as Reader;
  return valueReader(messageDescriptor(of.typeName))(empty, 0, undefined, 0);
}
