import type protobuf from "protobufjs/minimal.js";
import type { FieldKind, ScalarType } from "../descriptor.js";

/** protobufjs' reader; its position and buffer are public. */
export type Reader = protobuf.Reader & { skipType(wireType: number, depth?: number): Reader };

/** protobufjs' writer. */
export type Writer = protobuf.Writer;

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
      // A copy: a message must not keep alive, or change with, the buffer it was read from.
      return (reader) => Uint8Array.prototype.slice.call(reader.bytes());
    case "bool":
      return (reader) => readVarint64(reader) !== 0n;
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
      return readVarint64;
    case "int64":
      return (reader) => BigInt.asIntN(64, readVarint64(reader));
    case "sint64":
      return (reader) => {
        const value = readVarint64(reader);
        return (value >> 1n) ^ -(value & 1n);
      };
    case "fixed64":
      return readFixed64;
    case "sfixed64":
      return (reader) => BigInt.asIntN(64, readFixed64(reader));
  }
}

/** A varint of up to ten bytes, unsigned. protobufjs would give a number, exact to 53 bits only. */
function readVarint64(reader: Reader): bigint {
  const { buf, len } = reader;
  let pos = reader.pos;
  let low = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    if (pos >= len) throw new RangeError("truncated varint");
    const byte = buf[pos++] ?? 0;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      reader.pos = pos;
      return BigInt(low >>> 0);
    }
  }
  let value = BigInt(low >>> 0);
  for (let shift = 28n; shift < 70n; shift += 7n) {
    if (pos >= len) throw new RangeError("truncated varint");
    const byte = buf[pos++] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      reader.pos = pos;
      return BigInt.asUintN(64, value);
    }
  }
  throw new RangeError("varint longer than ten bytes");
}

function readFixed64(reader: Reader): bigint {
  const low = BigInt(reader.fixed32());
  return low | (BigInt(reader.fixed32()) << 32n);
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
      return (writer, value) => writer.sfixed32(integer(value, int32Range));
    case "uint32":
      return (writer, value) => writer.uint32(integer(value, uint32Range));
    case "fixed32":
      return (writer, value) => writer.fixed32(integer(value, uint32Range));
    case "uint64":
      return (writer, value) => writer.uint64(halves(bigintOf(value, false)) as never);
    case "int64":
      return (writer, value) => writer.int64(halves(bigintOf(value, true)) as never);
    case "sint64":
      return (writer, value) => {
        const signed = bigintOf(value, true);
        writer.uint64(halves((signed << 1n) ^ (signed >> 63n)) as never);
      };
    case "fixed64":
      return (writer, value) => writer.fixed64(halves(bigintOf(value, false)) as never);
    case "sfixed64":
      return (writer, value) => writer.sfixed64(halves(bigintOf(value, true)) as never);
  }
}

/** What protobufjs takes in place of a Long: a number where that is exact, else the pair of 32-bit halves. */
function halves(value: bigint): number | { low: number; high: number; unsigned: boolean } {
  const small = Number(value);
  if (small >= 0 && small <= Number.MAX_SAFE_INTEGER) return small;
  const bits = BigInt.asUintN(64, value);
  return { low: Number(bits & 0xffff_ffffn), high: Number(bits >> 32n), unsigned: true };
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
