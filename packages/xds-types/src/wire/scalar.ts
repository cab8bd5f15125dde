import type { FieldKind, ScalarType } from "../descriptor.js";
import type { Reader } from "./reader.js";
import type { Writer } from "./writer.js";

/** The wire type a field of this kind has when it is not packed. */
export function wireTypeOf(of: FieldKind): number {
  if (of.kind === "message") return 2;
  if (of.kind === "enum") return 0;
  switch (of.scalar) {
    case "string":
    case "bytes":
      return 2;
    case "double":
    case "fixed64":
    case "sfixed64":
      return 1;
    case "float":
    case "fixed32":
    case "sfixed32":
      return 5;
    case "int64":
    case "uint64":
    case "int32":
    case "bool":
    case "uint32":
    case "sint32":
    case "sint64":
      return 0;
  }
}

/** The proto default of a scalar. */
export function scalarDefault(of: FieldKind | undefined): unknown {
  if (of?.kind !== "scalar") return undefined;
  switch (of.scalar) {
    case "string":
      return "";
    case "bytes":
      return new Uint8Array(0);
    case "bool":
      return false;
    case "int64":
    case "uint64":
    case "fixed64":
    case "sfixed64":
    case "sint64":
      return 0n;
    default:
      return 0;
  }
}

/** How a scalar is read. */
export function readScalar(scalar: ScalarType): (reader: Reader) => unknown {
  switch (scalar) {
    case "string":
      return (reader) => reader.string();
    case "bytes":
      return (reader) => reader.bytes();
    case "bool":
      return (reader) => reader.uint64() !== 0n;
    case "double":
      return (reader) => reader.double();
    case "float":
      return (reader) => reader.float();
    case "int32":
      return (reader) => reader.int32();
    case "uint32":
      return (reader) => reader.uint32();
    case "sint32":
      return (reader) => reader.sint32();
    case "fixed32":
      return (reader) => reader.fixed32();
    case "sfixed32":
      return (reader) => reader.sfixed32();
    case "uint64":
      return (reader) => reader.uint64();
    case "int64":
      return (reader) => BigInt.asIntN(64, reader.uint64());
    case "sint64":
      return (reader) => {
        const value = reader.uint64();
        return (value >> 1n) ^ -(value & 1n);
      };
    case "fixed64":
      return (reader) => reader.fixed64();
    case "sfixed64":
      return (reader) => BigInt.asIntN(64, reader.fixed64());
  }
}

const int32Range = [-0x8000_0000, 0x7fff_ffff] as const;
const uint32Range = [0, 0xffff_ffff] as const;

/** How a scalar is written, after its tag; throws a sentence when the value does not fit. */
export function writeScalar(scalar: ScalarType): (writer: Writer, value: unknown) => void {
  switch (scalar) {
    case "string":
      return (writer, value) => {
        if (typeof value !== "string") throw mismatch("a string", value);
        writer.string(value);
      };
    case "bytes":
      return (writer, value) => {
        if (!(value instanceof Uint8Array)) throw mismatch("a Uint8Array", value);
        writer.bytes(value);
      };
    case "bool":
      return (writer, value) => {
        if (typeof value !== "boolean") throw mismatch("a boolean", value);
        writer.bool(value);
      };
    case "double":
      return (writer, value) => writer.double(numberOf(value));
    case "float":
      return (writer, value) => writer.float(numberOf(value));
    case "int32":
      return (writer, value) => writer.int32(integer(value, int32Range));
    case "sint32":
      return (writer, value) => writer.sint32(integer(value, int32Range));
    case "sfixed32":
      return (writer, value) => writer.fixed32(integer(value, int32Range));
    case "uint32":
      return (writer, value) => writer.uint32(integer(value, uint32Range));
    case "fixed32":
      return (writer, value) => writer.fixed32(integer(value, uint32Range));
    case "uint64":
      return (writer, value) => writer.int64(bigintOf(value, false));
    case "int64":
      return (writer, value) => writer.int64(bigintOf(value, true));
    case "sint64":
      return (writer, value) => {
        const signed = bigintOf(value, true);
        writer.int64((signed << 1n) ^ (signed >> 63n));
      };
    case "fixed64":
      return (writer, value) => writer.fixed64(bigintOf(value, false));
    case "sfixed64":
      return (writer, value) => writer.fixed64(bigintOf(value, true));
  }
}

function numberOf(value: unknown): number {
  if (typeof value !== "number") throw mismatch("a number", value);
  return value;
}

function integer(value: unknown, [min, max]: readonly [number, number]): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw mismatch(`an integer from ${min} to ${max}`, value);
  }
  return value;
}

function bigintOf(value: unknown, signed: boolean): bigint {
  const fits = typeof value === "bigint" && (signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value)) === value;
  if (!fits) throw mismatch(`a bigint of 64 bits${signed ? "" : ", not negative"}`, value);
  return value;
}

/** What was expected and what was found, without printing more than a little of it. */
export function mismatch(expected: string, value: unknown): TypeError {
  const shown =
    typeof value === "string"
      ? JSON.stringify(value.slice(0, 40))
      : typeof value === "object"
        ? kindOf(value)
        : String(value);
  return new TypeError(`expected ${expected}, got ${shown}`);
}

function kindOf(value: object | null): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : "an object";
}
