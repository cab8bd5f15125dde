/** Node makes text of a run of bytes without a view of them; elsewhere `TextDecoder` does. */
type TextSlice = (this: Uint8Array, start: number, end: number) => string;
const latin1Slice = (globalThis as { Buffer?: { prototype: { latin1Slice?: TextSlice } } }).Buffer?.prototype
  .latin1Slice;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxGroupDepth = 100;

/** Reads the primitives of the wire format from bytes, from the front. Everything it throws is a `RangeError`. */
export class Reader {
  pos = 0;
  readonly buf: Uint8Array;
  readonly len: number;
  /** How many values may still be read. */
  budget: number;
  private view: DataView | undefined;

  constructor(buf: Uint8Array, budget: number = Number.POSITIVE_INFINITY) {
    this.buf = buf;
    this.len = buf.length;
    this.budget = budget;
  }

  /** Counts a value that is about to be read. */
  count(): void {
    if (--this.budget < 0) throw new BudgetSpent("the message has more values than the limit");
  }

  /** A varint as its lower 32 bits, unsigned. */
  uint32(): number {
    const { buf } = this;
    let pos = this.pos;
    let byte = buf[pos++];
    if (byte === undefined) throw truncated();
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = buf[pos++];
      if (byte === undefined) throw truncated();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      else if (shift > 63) throw new RangeError("varint longer than ten bytes");
    }
    this.pos = pos;
    return value >>> 0;
  }

  /** A tag or a length: one byte most of the time. */
  size(): number {
    const byte = this.buf[this.pos];
    if (byte !== undefined && byte < 0x80) {
      this.pos++;
      return byte;
    }
    return this.uint32();
  }

  /** A varint as a signed number of 32 bits. */
  int32(): number {
    return this.uint32() | 0;
  }

  /** A zigzag varint of 32 bits. */
  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A varint of up to ten bytes, unsigned. */
  uint64(): bigint {
    const { buf } = this;
    let pos = this.pos;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = buf[pos++];
      if (byte === undefined) throw truncated();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return BigInt(low);
      }
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = buf[pos++];
      if (byte === undefined) throw truncated();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.pos = pos;
        return BigInt.asUintN(64, value);
      }
    }
    throw new RangeError("varint longer than ten bytes");
  }

  fixed32(): number {
    return this.dataView().getUint32(this.advance(4), true);
  }

  sfixed32(): number {
    return this.dataView().getInt32(this.advance(4), true);
  }

  fixed64(): bigint {
    return this.dataView().getBigUint64(this.advance(8), true);
  }

  float(): number {
    return this.dataView().getFloat32(this.advance(4), true);
  }

  double(): number {
    return this.dataView().getFloat64(this.advance(8), true);
  }

  /** Text after its length. Bytes that are not UTF-8 are an error, as in Envoy. */
  string(): string {
    const length = this.size();
    if (length === 0) return "";
    const start = this.advance(length);
    const end = start + length;
    const { buf } = this;
    if (latin1Slice === undefined) return decodeStrictly(buf.subarray(start, end));
    for (let at = start; at < end; at++) {
      if ((buf[at] ?? 0) > 0x7f) return decodeStrictly(buf.subarray(start, end));
    }
    return latin1Slice.call(buf, start, end);
  }

  /** Bytes after their length, as a copy: a message must not keep alive, or change with, what it was read from. */
  bytes(): Uint8Array {
    const length = this.size();
    const start = this.advance(length);
    return Uint8Array.prototype.slice.call(this.buf, start, start + length);
  }

  /** Passes over a field whose tag has been read. */
  skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        this.uint64();
        return;
      case 1:
        this.advance(8);
        return;
      case 2:
        this.advance(this.size());
        return;
      case 3:
        if (depth > maxGroupDepth) throw new RangeError(`groups lie more than ${maxGroupDepth} deep`);
        for (;;) {
          const inner = this.size();
          if (inner >>> 3 === 0) throw new RangeError("field number 0");
          if ((inner & 7) !== 4) this.skip(inner, depth + 1);
          else if (inner >>> 3 === tag >>> 3) return;
          else throw new RangeError("a group ends with the number of another");
        }
      case 5:
        this.advance(4);
        return;
      default:
        throw new RangeError(`wire type ${tag & 7} does not begin a field`);
    }
  }

  /** Moves on by a number of bytes and returns where it was. */
  private advance(length: number): number {
    const start = this.pos;
    if (length > this.len - start) throw truncated();
    this.pos = start + length;
    return start;
  }

  private dataView(): DataView {
    this.view ??= new DataView(this.buf.buffer, this.buf.byteOffset, this.buf.byteLength);
    return this.view;
  }
}

/** The message has more values than the caller allows. */
export class BudgetSpent extends RangeError {}

function truncated(): RangeError {
  return new RangeError("the bytes end within a value");
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    throw new RangeError("a string is not UTF-8");
  }
}
