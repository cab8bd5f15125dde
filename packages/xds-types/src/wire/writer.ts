const encoder = new TextEncoder();
const firstSize = 1024;
/** The largest buffer that is kept for the next message. */
const keptSize = 1024 * 1024;

let spare: Uint8Array | undefined;

/** Writes the primitives of the wire format into a buffer that grows. */
export class Writer {
  private buf: Uint8Array;
  private pos = 0;
  private view: DataView | undefined;

  constructor() {
    // Taken out while in use: a getter of a message may itself encode.
    this.buf = spare ?? new Uint8Array(firstSize);
    spare = undefined;
  }

  /** What has been written, as a copy; the writer is not to be used after it. */
  finish(): Uint8Array {
    const bytes = this.buf.slice(0, this.pos);
    this.release();
    return bytes;
  }

  /** Gives the buffer back; the writer is not to be used after it. */
  release(): void {
    if (this.buf.length <= keptSize) spare = this.buf;
  }

  /** A varint of 32 bits, unsigned. */
  uint32(value: number): void {
    if (this.pos + 5 > this.buf.length) this.grow(5);
    const { buf } = this;
    let rest = value;
    while (rest > 0x7f) {
      buf[this.pos++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buf[this.pos++] = rest;
  }

  /** A varint of 32 bits; a negative one has ten bytes, as one of 64 bits. */
  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.int64(BigInt(value));
  }

  sint32(value: number): void {
    this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** A varint of 64 bits, signed or unsigned: the bits are the same. */
  int64(value: bigint): void {
    if (value >= 0n && value <= 0xffff_ffffn) {
      this.uint32(Number(value));
      return;
    }
    if (this.pos + 10 > this.buf.length) this.grow(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.buf[this.pos++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buf[this.pos++] = Number(rest);
  }

  fixed32(value: number): void {
    this.space(4).setUint32(this.pos, value, true);
    this.pos += 4;
  }

  fixed64(value: bigint): void {
    this.space(8).setBigUint64(this.pos, BigInt.asUintN(64, value), true);
    this.pos += 8;
  }

  float(value: number): void {
    this.space(4).setFloat32(this.pos, value, true);
    this.pos += 4;
  }

  double(value: number): void {
    this.space(8).setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  bool(value: boolean): void {
    this.uint32(value ? 1 : 0);
  }

  /** Text after its length. */
  string(text: string): void {
    const { length } = text;
    if (length < 128) {
      if (this.pos + length >= this.buf.length) this.grow(length + 1);
      const { buf } = this;
      let at = this.pos + 1;
      for (let index = 0; index < length; index++) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        buf[at++] = code;
      }
      if (at === this.pos + 1 + length) {
        buf[this.pos] = length;
        this.pos = at;
        return;
      }
    }
    this.longString(text);
  }

  private longString(text: string): void {
    // A UTF-16 code unit is three bytes of UTF-8 at most.
    if (this.pos + 5 + 3 * text.length > this.buf.length) this.grow(5 + 3 * text.length);
    const width = widthOf(text.length);
    const start = this.fork(width);
    this.pos += encoder.encodeInto(text, this.buf.subarray(this.pos)).written;
    this.join(start, width);
  }

  /** Bytes after their length. */
  bytes(bytes: Uint8Array): void {
    this.uint32(bytes.length);
    this.raw(bytes);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    if (this.pos + bytes.length > this.buf.length) this.grow(bytes.length);
    this.buf.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /**
   * Begins something whose length stands in front of it.
   *
   * @param width - How many bytes the length will have, as far as one can tell.
   * @returns What {@link Writer.join} wants to know.
   */
  fork(width: number): number {
    if (this.pos + 5 > this.buf.length) this.grow(5);
    const start = this.pos;
    this.pos = start + width;
    return start;
  }

  /** Ends it; what was written moves if the length has another width than was thought. Returns the width it has. */
  join(start: number, width: number): number {
    const body = start + width;
    let length = this.pos - body;
    const needed = widthOf(length);
    if (needed !== width) {
      if (this.pos + 5 > this.buf.length) this.grow(5);
      this.buf.copyWithin(start + needed, body, this.pos);
      this.pos += needed - width;
    }
    const { buf } = this;
    let at = start;
    while (length > 0x7f) {
      buf[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    buf[at] = length;
    return needed;
  }

  /** Instead of {@link Writer.join}, if nothing was written since: takes it back with the tag in front of it. */
  takeBack(start: number, width: number, tagLength: number): boolean {
    if (this.pos > start + width) return false;
    this.pos = start - tagLength;
    return true;
  }

  private space(bytes: number): DataView {
    if (this.pos + bytes > this.buf.length) this.grow(bytes);
    this.view ??= new DataView(this.buf.buffer);
    return this.view;
  }

  private grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(2 * this.buf.length, this.pos + bytes));
    larger.set(this.buf.subarray(0, this.pos));
    this.buf = larger;
    this.view = undefined;
  }
}

function widthOf(length: number): number {
  if (length < 0x80) return 1;
  if (length < 0x4000) return 2;
  if (length < 0x20_0000) return 3;
  return length < 0x1000_0000 ? 4 : 5;
}
