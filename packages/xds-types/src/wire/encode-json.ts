import type { JsonValue } from "../message.js";
import { mismatch } from "./scalar.js";
import { sortedKeys } from "./sorted-keys.js";
import { maxDepth } from "./special.js";
import type { Writer } from "./writer.js";

/**
 * Writes JSON as the body of a `google.protobuf.Struct`, `Value` or `ListValue`. By hand, because the messages that the
 * schema has in between would have to be made for every value.
 */
export function jsonWriter(typeName: string): (writer: Writer, value: unknown, depth: number) => void {
  switch (typeName) {
    case "google.protobuf.Struct":
      return writeStruct;
    case "google.protobuf.ListValue":
      return writeList;
    default:
      return writeValue;
  }
}

// Tags: field number and wire type.
const structEntry = 10;
const entryKey = 10;
const entryValue = 18;
const listItem = 10;

function writeStruct(writer: Writer, value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch("a JSON object", value);
  deeper(depth);
  const struct = value as Readonly<Record<string, JsonValue | undefined>>;
  for (const key of sortedKeys(struct)) {
    const item = struct[key];
    if (item === undefined) continue;
    writer.uint32(structEntry);
    const entry = writer.fork(1);
    writer.uint32(entryKey);
    writer.string(key);
    writer.uint32(entryValue);
    const start = writer.fork(1);
    writeValue(writer, item, depth + 1);
    writer.join(start, 1);
    writer.join(entry, 1);
  }
}

function writeList(writer: Writer, value: unknown, depth: number): void {
  if (!Array.isArray(value)) throw mismatch("a JSON list", value);
  deeper(depth);
  for (const item of value) {
    writer.uint32(listItem);
    const start = writer.fork(1);
    writeValue(writer, item, depth + 1);
    writer.join(start, 1);
  }
}

function writeValue(writer: Writer, value: unknown, depth: number): void {
  switch (typeof value) {
    case "number":
      writer.uint32(17);
      writer.double(value);
      return;
    case "string":
      writer.uint32(26);
      writer.string(value);
      return;
    case "boolean":
      writer.uint32(32);
      writer.bool(value);
      return;
    case "object": {
      if (value === null) {
        writer.uint32(8);
        writer.uint32(0);
        return;
      }
      writer.uint32(Array.isArray(value) ? 50 : 42);
      const start = writer.fork(1);
      if (Array.isArray(value)) writeList(writer, value, depth + 1);
      else writeStruct(writer, value, depth + 1);
      writer.join(start, 1);
      return;
    }
    default:
      throw mismatch("JSON", value);
  }
}

function deeper(depth: number): void {
  if (depth > maxDepth) throw new RangeError(`messages lie more than ${maxDepth} deep`);
}
