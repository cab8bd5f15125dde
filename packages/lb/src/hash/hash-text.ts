import type { Hash64 } from "./hash64.js";
import { murmur2 } from "./murmur2.js";
import { Word64 } from "./word64.js";
import { xx64 } from "./xx64.js";

/** Which function turns keys into hashes. */
export type HashFunction = "XX_HASH" | "MURMUR_HASH_2";

const encoder = new TextEncoder();
const word = new Word64(0, 0);
let buffer = new Uint8Array(256);

/** Encodes into the shared buffer as UTF-8 and returns the number of bytes. */
function encode(text: string): number {
  // UTF-8 takes at most three bytes for one UTF-16 unit.
  if (buffer.length < text.length * 3) buffer = new Uint8Array(text.length * 4);
  return encoder.encodeInto(text, buffer).written;
}

/**
 * xxHash64 of a text's UTF-8 bytes.
 *
 * @param seed - Default: 0.
 */
export function xxHash64(text: string, seed?: Hash64): Hash64 {
  const length = encode(text);
  word.set(seed?.hi ?? 0, seed?.lo ?? 0);
  xx64(buffer, length, word);
  return { hi: word.hi >>> 0, lo: word.lo >>> 0 };
}

/** MurmurHash64A of a text's UTF-8 bytes, with the seed of libstdc++'s `std::hash`. */
export function murmurHash64(text: string): Hash64 {
  const length = encode(text);
  murmur2(buffer, length, word);
  return { hi: word.hi >>> 0, lo: word.lo >>> 0 };
}

const UNDERSCORE = 0x5f;
const DIGIT_0 = 0x30;
/** Room for an underscore and a decimal integer. */
const SUFFIX_ROOM = 18;

/** Hashes `<key>_0`, `<key>_1` … without building the texts. */
export class NumberedKeyHasher {
  private readonly hash: HashFunction;
  private bytes = new Uint8Array(64);
  private prefix = 0;

  constructor(hash: HashFunction) {
    this.hash = hash;
  }

  /** Sets the text in front of the underscore. */
  setKey(key: string): void {
    const length = encode(key);
    if (this.bytes.length < length + SUFFIX_ROOM) this.bytes = new Uint8Array(2 * length + SUFFIX_ROOM);
    this.bytes.set(buffer.subarray(0, length));
    this.bytes[length] = UNDERSCORE;
    this.prefix = length + 1;
  }

  /** Writes the hash of the key with this number into `into`. */
  hashNumber(number: number, into: Word64): void {
    let digits = 1;
    for (let limit = 10; number >= limit; limit *= 10) digits += 1;
    let rest = number;
    for (let position = this.prefix + digits - 1; position >= this.prefix; position--) {
      this.bytes[position] = DIGIT_0 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    const length = this.prefix + digits;
    if (this.hash === "MURMUR_HASH_2") {
      murmur2(this.bytes, length, into);
    } else {
      into.set(0, 0);
      xx64(this.bytes, length, into);
    }
  }
}
