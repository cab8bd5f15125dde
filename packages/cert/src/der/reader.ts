import { CertError } from "../errors.js";

/** Tags of the types that certificates are made of. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a context-specific element, constructed unless told otherwise. */
export function contextTag(number: number, constructed: boolean = true): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

/** One element: its tag and where it lies in the bytes that were read. */
export interface DerElement {
  /** The identifier octet. */
  readonly tag: number;
  /** The whole element, header included; a view, not a copy. */
  readonly bytes: Uint8Array;
  /** The contents; a view, not a copy. */
  readonly content: Uint8Array;
}

/** Views cost more than what is read through them, and most elements are only passed over: made when asked for. */
class Element implements DerElement {
  readonly tag: number;
  readonly #source: Uint8Array;
  readonly #start: number;
  readonly #at: number;
  readonly #end: number;

  constructor(tag: number, source: Uint8Array, start: number, at: number, end: number) {
    this.tag = tag;
    this.#source = source;
    this.#start = start;
    this.#at = at;
    this.#end = end;
  }

  get bytes(): Uint8Array {
    return this.#source.subarray(this.#start, this.#end);
  }

  get content(): Uint8Array {
    return this.#source.subarray(this.#at, this.#end);
  }
}

/**
 * Reads DER element by element and refuses everything that is only BER: indefinite and non-minimal lengths, long tags.
 *
 * It never descends by itself, so the depth of the input is bounded by the code that reads it.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #path: string;
  #at = 0;

  /** Starts in front of the first element of `bytes`; `path` goes into errors. */
  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  /** The tag of the next element, −1 at the end. */
  get peek(): number {
    return this.#bytes[this.#at] ?? -1;
  }

  /** Makes the error that all failures of this reader are. */
  fail(problem: string): CertError {
    return new CertError("ERR_CERT_DER", this.#path, `${problem} at byte ${this.#at}`);
  }

  /** Reads the next element, which must have this tag if one is given. */
  next(tag?: number): DerElement {
    const bytes = this.#bytes;
    const start = this.#at;
    const found = bytes[start];
    if (found === undefined) throw this.fail("expected an element, got the end");
    if (tag !== undefined && found !== tag) {
      throw this.fail(`expected tag 0x${tag.toString(16)}, got 0x${found.toString(16)}`);
    }
    if ((found & 0x1f) === 0x1f) throw this.fail("tag numbers above 30 are not used in certificates");
    let at = start + 1;
    let length = bytes[at++];
    if (length === undefined) throw this.fail("the length is missing");
    if (length === 0x80) throw this.fail("indefinite lengths are not DER");
    if (length > 0x80) {
      const octets = length & 0x7f;
      if (octets > 4) throw this.fail("the length is larger than any certificate");
      length = 0;
      for (let i = 0; i < octets; i++) {
        const octet = bytes[at++];
        if (octet === undefined) throw this.fail("the length is cut off");
        if (i === 0 && octet === 0) throw this.fail("the length is not minimal");
        length = length * 256 + octet;
      }
      if (length < 0x80) throw this.fail("the length is not minimal");
    }
    const end = at + length;
    if (end > bytes.length) throw this.fail("the element is longer than what is left");
    this.#at = end;
    return new Element(found, bytes, start, at, end);
  }

  /** Reads the next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.peek === tag ? this.next(tag) : undefined;
  }

  /** Reads the next element and gives a reader of its contents. */
  enter(tag: number = Tag.sequence): DerReader {
    return new DerReader(this.next(tag).content, this.#path);
  }

  /** Asserts that everything has been read. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw this.fail("expected the end, got more bytes");
  }

  /** Says whether everything has been read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Reads an INTEGER and gives its two's complement bytes, checked to be minimal. */
  integer(tag: number = Tag.integer): Uint8Array {
    const { content } = this.next(tag);
    const [first, second] = content;
    if (first === undefined) throw this.fail("an integer has no bytes");
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
      throw this.fail("an integer is not minimal");
    }
    return content;
  }

  /** Reads an INTEGER that is not negative and below 2^31. */
  smallInteger(tag: number = Tag.integer): number {
    const content = this.integer(tag);
    if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw this.fail("expected a small non-negative integer");
    return content.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Reads a BOOLEAN, which DER writes as 00 or ff. */
  boolean(): boolean {
    const { content } = this.next(Tag.boolean);
    if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
      throw this.fail("a boolean is neither 00 nor ff");
    return content[0] === 0xff;
  }

  /** Reads a BIT STRING: its bytes, and how many bits of the last do not count. */
  bits(tag: number = Tag.bitString): { readonly bytes: Uint8Array; readonly unused: number } {
    const { content } = this.next(tag);
    const unused = content[0];
    if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0)) {
      throw this.fail("a bit string has a wrong count of unused bits");
    }
    const last = content.length > 1 ? (content[content.length - 1] ?? 0) : 0;
    if ((last & ((1 << unused) - 1)) !== 0) throw this.fail("unused bits of a bit string are set");
    return { bytes: content.subarray(1), unused };
  }

  /** Reads a BIT STRING that is a whole number of bytes. */
  wholeBits(): Uint8Array {
    const { bytes, unused } = this.bits();
    if (unused !== 0) throw this.fail("expected a whole number of bytes");
    return bytes;
  }

  /** Reads an OBJECT IDENTIFIER in dotted form. */
  oid(tag: number = Tag.oid): string {
    const { content } = this.next(tag);
    if (content.length === 0 || (content[content.length - 1] ?? 0) >= 0x80)
      throw this.fail("an object identifier is cut off");
    const arcs: number[] = [];
    let arc = 0;
    let fresh = true;
    for (const byte of content) {
      if (fresh && byte === 0x80) throw this.fail("an object identifier is not minimal");
      // No arc that matters here is larger; a larger one would lose bits as a number.
      if (arc > 0x1ffffffffff) throw this.fail("an object identifier has an arc that is too large");
      arc = arc * 128 + (byte & 0x7f);
      fresh = byte < 0x80;
      if (fresh) {
        if (arcs.length === 0) {
          const top = Math.min(2, Math.floor(arc / 40));
          arcs.push(top, arc - top * 40);
        } else arcs.push(arc);
        arc = 0;
      }
    }
    return arcs.join(".");
  }
}
