import { CertError } from "./errors.js";

/** One field of a message as it stands on the wire. */
export type WireField =
  | { readonly number: number; readonly kind: "varint"; readonly value: bigint }
  | { readonly number: number; readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly number: number; readonly kind: "fixed"; readonly value: Uint8Array };

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

function fail(problem: string): CertError {
  return new CertError("ERR_CERT_SERVICE", "message", problem);
}

/**
 * Reads a protobuf message field by field. The services here have a dozen small messages; a library for them would be
 * larger than this package.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function readFields(bytes: Uint8Array): readonly WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw fail("a number is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw fail("a number has more than ten bytes");
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw fail("a field is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    if (number === 0 || number > 0x1fff_ffff) throw fail("a field has an impossible number");
    switch (Number(key & 7n)) {
      case 0:
        fields.push({ number, kind: "varint", value: varint() });
        break;
      case 1:
        fields.push({ number, kind: "fixed", value: take(8) });
        break;
      case 2: {
        const length = varint();
        if (length > BigInt(bytes.length)) throw fail("a field is cut off");
        fields.push({ number, kind: "bytes", value: take(Number(length)) });
        break;
      }
      case 5:
        fields.push({ number, kind: "fixed", value: take(4) });
        break;
      default:
        // Groups have not been written by anybody for twenty years.
        throw fail("a field has a wire type that is not used");
    }
  }
  return fields;
}

/** All values of a repeated bytes, string or message field. */
export function allBytes(fields: readonly WireField[], number: number): readonly Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && field.kind === "bytes" ? [field.value] : []));
}

/** The value of a bytes, string or message field; of several the last, as protobuf says. */
export function lastBytes(fields: readonly WireField[], number: number): Uint8Array | undefined {
  return allBytes(fields, number).at(-1);
}

/** The value of a string field; empty if it is absent. */
export function text(fields: readonly WireField[], number: number): string {
  const bytes = lastBytes(fields, number);
  return bytes ? decodeText(bytes) : "";
}

/** Reads UTF-8, refusing what is not. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw fail("a string is not UTF-8");
  }
}

/** The value of an int64 field; 0 if it is absent. */
export function int64(fields: readonly WireField[], number: number): bigint {
  const field = fields.findLast((one) => one.number === number && one.kind === "varint");
  return field?.kind === "varint" ? BigInt.asIntN(64, field.value) : 0n;
}

function writeVarint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return bytes;
}

/** Collects the fields of a message; defaults are left out, as proto3 does. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];

  /** Adds a bytes or message field, present even when it is empty. */
  message(number: number, value: Uint8Array): this {
    this.#parts.push(
      Uint8Array.from([...writeVarint(BigInt(number * 8 + 2)), ...writeVarint(BigInt(value.length))]),
      value,
    );
    return this;
  }

  /** Adds a bytes field unless it is empty. */
  bytes(number: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.message(number, value);
  }

  /** Adds a string field unless it is empty. */
  string(number: number, value: string): this {
    return this.bytes(number, encoder.encode(value));
  }

  /** Adds each string of a repeated field. */
  strings(number: number, values: readonly string[]): this {
    for (const value of values) this.message(number, encoder.encode(value));
    return this;
  }

  /** Adds an integer field unless it is zero. */
  int64(number: number, value: bigint): this {
    if (value !== 0n) this.#parts.push(Uint8Array.from([...writeVarint(BigInt(number * 8)), ...writeVarint(value)]));
    return this;
  }

  /** The message. */
  finish(): Uint8Array {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}
