import type { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/** Plain JSON, as `google.protobuf.Value` carries it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Encodes a `google.protobuf.Struct`. */
export function encodeStruct(struct: { readonly [key: string]: Json }): Uint8Array {
  const writer = new Writer();
  for (const [key, value] of Object.entries(struct)) {
    writer.bytes(1, new Writer().element(1, key).bytes(2, encodeValue(value)).finish());
  }
  return writer.finish();
}

/** Decodes a `google.protobuf.Struct` into a record without a prototype, so that no key is special. */
export function decodeStruct(reader: Reader): { readonly [key: string]: Json } {
  const struct: { [key: string]: Json } = Object.create(null);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field !== 1) {
      reader.skip();
      continue;
    }
    const entry = reader.message();
    let key = "";
    let value: Json = null;
    for (let part = entry.next(); part !== 0; part = entry.next()) {
      if (part === 1) key = entry.string();
      else if (part === 2) value = decodeValue(entry.message());
      else entry.skip();
    }
    struct[key] = value;
  }
  return struct;
}

function encodeValue(value: Json): Uint8Array {
  const writer = new Writer();
  if (value === null) return writer.uintAlways(1, 0).finish();
  switch (typeof value) {
    case "number":
      return writer.double(2, value).finish();
    case "string":
      return writer.element(3, value).finish();
    case "boolean":
      return writer.uintAlways(4, value ? 1 : 0).finish();
    default:
      if (!isList(value)) return writer.bytes(5, encodeStruct(value)).finish();
  }
  const list = new Writer();
  for (const item of value) list.bytes(1, encodeValue(item));
  return writer.bytes(6, list.finish()).finish();
}

// Array.isArray does not narrow readonly arrays out of a union.
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function decodeValue(reader: Reader): Json {
  let value: Json = null;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) {
      reader.varint();
      value = null;
    } else if (field === 2) value = reader.double();
    else if (field === 3) value = reader.string();
    else if (field === 4) value = reader.varint() !== 0;
    else if (field === 5) value = decodeStruct(reader.message());
    else if (field === 6) value = decodeList(reader.message());
    else reader.skip();
  }
  return value;
}

function decodeList(reader: Reader): readonly Json[] {
  const list: Json[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) list.push(decodeValue(reader.message()));
    else reader.skip();
  }
  return list;
}
