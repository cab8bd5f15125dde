import { emptyRecord } from "../empty-record.js";
import type { JsonValue } from "../message.js";
import type { Reader } from "./reader.js";
import { maxDepth } from "./special.js";

/** Reads a value that ends at `end`; `before` is what an earlier occurrence of the field gave. */
type JsonReader = (reader: Reader, end: number, before: unknown, depth: number) => unknown;

/**
 * Reads the body of a `google.protobuf.Struct`, `Value` or `ListValue` as JSON. By hand, because the messages that the
 * schema has in between would have to be made for every value.
 */
export function jsonReader(typeName: string): JsonReader {
  switch (typeName) {
    case "google.protobuf.Struct":
      return readStruct;
    case "google.protobuf.ListValue":
      return readList;
    default:
      return readValue;
  }
}

// Tags: field number and wire type.
const structEntry = 10;
const entryKey = 10;
const entryValue = 18;
const listItem = 10;

function readStruct(reader: Reader, end: number, before: unknown, depth: number): unknown {
  begin(reader, end, depth);
  const struct = isStruct(before) ? before : emptyRecord();
  while (reader.pos < end) {
    const tag = next(reader);
    if (tag === structEntry) readEntry(reader, struct, depth);
    else skip(reader, tag, depth);
  }
  finish(reader, end);
  return struct;
}

function readEntry(reader: Reader, struct: Record<string, unknown>, depth: number): void {
  const end = reader.size() + reader.pos;
  begin(reader, end, depth);
  let key = "";
  let value: unknown = null;
  while (reader.pos < end) {
    const tag = next(reader);
    if (tag === entryKey) key = reader.string();
    else if (tag === entryValue) value = readValue(reader, reader.size() + reader.pos, value, depth + 1);
    else skip(reader, tag, depth);
  }
  finish(reader, end);
  struct[key] = value;
}

function readList(reader: Reader, end: number, before: unknown, depth: number): unknown {
  begin(reader, end, depth);
  const list = Array.isArray(before) ? (before as JsonValue[]) : [];
  while (reader.pos < end) {
    const tag = next(reader);
    if (tag === listItem) list.push(readValue(reader, reader.size() + reader.pos, null, depth + 1) as JsonValue);
    else skip(reader, tag, depth);
  }
  finish(reader, end);
  return list;
}

function readValue(reader: Reader, end: number, before: unknown, depth: number): unknown {
  begin(reader, end, depth);
  let value: unknown = before ?? null;
  while (reader.pos < end) {
    const tag = next(reader);
    switch (tag) {
      case 8:
        reader.int32();
        value = null;
        break;
      case 17:
        value = reader.double();
        break;
      case 26:
        value = reader.string();
        break;
      case 32:
        value = reader.uint64() !== 0n;
        break;
      case 42:
        value = readStruct(reader, reader.size() + reader.pos, value, depth + 1);
        break;
      case 50:
        value = readList(reader, reader.size() + reader.pos, value, depth + 1);
        break;
      default:
        skip(reader, tag, depth);
    }
  }
  finish(reader, end);
  return value;
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function next(reader: Reader): number {
  reader.count();
  return reader.size();
}

function begin(reader: Reader, end: number, depth: number): void {
  if (depth > maxDepth) throw new RangeError(`messages lie more than ${maxDepth} deep`);
  if (end > reader.len) throw new RangeError(`length ${end} is beyond the end at ${reader.len}`);
}

function finish(reader: Reader, end: number): void {
  if (reader.pos !== end) throw new RangeError(`a field runs over the end of its message at ${end}`);
}

function skip(reader: Reader, tag: number, depth: number): void {
  if (tag >>> 3 === 0) throw new RangeError("field number 0");
  reader.skip(tag, depth);
}
