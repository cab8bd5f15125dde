const utf8 = new TextEncoder();

/** Writes the protobuf wire format into one growing buffer. A good size hint makes it one allocation. */
export class Writer {
  #bytes: Uint8Array;
  #at = 0;

  constructor(sizeHint = 256) {
    this.#bytes = new Uint8Array(Math.max(16, sizeHint));
  }

  /** A string field; nothing when empty, as proto3 does for implicit presence. */
  string(field: number, value: string): this {
    return value === "" ? this : this.element(field, value);
  }

  /** A string of a repeated field or of a map, where the empty one counts. */
  element(field: number, value: string): this {
    this.#tag(field, 2);
    // Room for the worst case: three bytes a UTF-16 unit, and a length of up to five bytes.
    this.#reserve(value.length * 3 + 5);
    const start = this.#at + varintSize(value.length);
    const { written } = utf8.encodeInto(value, this.#bytes.subarray(start));
    if (varintSize(written) !== varintSize(value.length)) {
      this.#bytes.copyWithin(this.#at + varintSize(written), start, start + written);
    }
    this.varint(written);
    this.#at += written;
    return this;
  }

  /** A bytes or message field, written even when empty. */
  bytes(field: number, value: Uint8Array): this {
    return this.head(field, value.length).raw(value);
  }

  /** The tag and length of a field whose `length` bytes are written next. */
  head(field: number, length: number): this {
    this.#tag(field, 2);
    return this.varint(length);
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  /** A varint field; nothing when 0. */
  uint(field: number, value: number): this {
    if (value === 0) return this;
    this.#tag(field, 0);
    return this.varint(value);
  }

  /** A varint field, written even when 0. */
  uintAlways(field: number, value: number): this {
    this.#tag(field, 0);
    return this.varint(value);
  }

  /** A double field, written even when 0. */
  double(field: number, value: number): this {
    this.#tag(field, 1);
    this.#reserve(8);
    new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, 8).setFloat64(0, value, true);
    this.#at += 8;
    return this;
  }

  /** A bare non-negative integer below 2^53. */
  varint(value: number): this {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
    return this;
  }

  /** What was written. The writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

/** How many bytes a non-negative integer takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
