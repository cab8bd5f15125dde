import { XdsError } from "../errors.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** How deep messages may nest; protobuf's own default is 100. */
const MAX_DEPTH = 100;

/**
 * Reads the protobuf wire format without copying: byte fields are windows into the input.
 *
 * The discovery envelope has its own reader so that resources stay bytes, shared by all streams, and so that limits are
 * applied while reading and not after a hostile message was built up.
 *
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #depth: number;
  #at = 0;
  #tag = 0;

  constructor(bytes: Uint8Array, depth = 0) {
    if (depth > MAX_DEPTH) throw invalid(0, `nested deeper than ${MAX_DEPTH} messages`);
    this.#bytes = bytes;
    this.#depth = depth;
  }

  /** Moves to the next field and returns its number; 0 at the end. Every field must be read or skipped. */
  next(): number {
    if (this.#at >= this.#bytes.length) return 0;
    this.#tag = this.varint();
    const field = this.#tag >>> 3;
    if (field === 0) throw invalid(this.#at, "field number 0");
    return field;
  }

  /** An unsigned varint; bits above 32 are read and dropped, which is what protobuf does for 32-bit types. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw invalid(this.#at, "ends inside a number");
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw invalid(this.#at, "a number of more than 10 bytes");
  }

  /** A signed varint of up to 53 bits, for `Duration.seconds`. */
  int64(): number {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw invalid(this.#at, "ends inside a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
    throw invalid(this.#at, "a number of more than 10 bytes");
  }

  /** The bytes of a length-delimited field, not copied. */
  bytes(): Uint8Array {
    if ((this.#tag & 7) !== 2) throw invalid(this.#at, `wire type 2 expected, got ${this.#tag & 7}`);
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw invalid(this.#at, `a field of ${length} bytes ends beyond the message`);
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** A UTF-8 string. */
  string(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new XdsError("ERR_XDS_WIRE_INVALID", `byte ${this.#at}`, "a string that is not UTF-8", { cause });
    }
  }

  /** An eight-byte little-endian float. */
  double(): number {
    if (this.#at + 8 > this.#bytes.length) throw invalid(this.#at, "ends inside a double");
    const value = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).getFloat64(0, true);
    this.#at += 8;
    return value;
  }

  /** A reader over a message field. */
  message(): Reader {
    return new Reader(this.bytes(), this.#depth + 1);
  }

  /** Passes over the field that `next` announced. */
  skip(): void {
    switch (this.#tag & 7) {
      case 0:
        this.varint();
        return;
      case 1:
        this.#advance(8);
        return;
      case 2:
        this.bytes();
        return;
      case 5:
        this.#advance(4);
        return;
      default:
        throw invalid(this.#at, `wire type ${this.#tag & 7}`);
    }
  }

  #advance(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw invalid(this.#at, "ends inside a field");
  }
}

function invalid(at: number, problem: string): XdsError {
  return new XdsError("ERR_XDS_WIRE_INVALID", `byte ${at}`, problem);
}
