import { readWord, Word64 } from "./word64.js";

const P1_HI = 0x9e3779b1;
const P1_LO = 0x85ebca87;
const P2_HI = 0xc2b2ae3d;
const P2_LO = 0x27d4eb4f;
const P3_HI = 0x165667b1;
const P3_LO = 0x9e3779f9;
const P4_HI = 0x85ebca77;
const P4_LO = 0xc2b2ae63;
const P5_HI = 0x27d4eb2f;
const P5_LO = 0x165667c5;

/** Scratch words: hashing never suspends, so one set serves every call. */
const lane = new Word64(0, 0);
const lanes = [new Word64(0, 0), new Word64(0, 0), new Word64(0, 0), new Word64(0, 0)] as const;
const MERGE_ROTATIONS = [1, 7, 12, 18] as const;

/**
 * xxHash64 of the first `length` bytes, written into `hash`, whose value on entry is the seed. Allocates nothing.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export function xx64(bytes: Uint8Array, length: number, hash: Word64): void {
  let offset = 0;
  if (length >= 32) {
    offset = consumeStripes(bytes, length, hash);
  } else {
    hash.add(P5_HI, P5_LO);
  }
  hash.add(0, length);

  for (; offset + 8 <= length; offset += 8) {
    lane.set(readWord(bytes, offset + 4), readWord(bytes, offset));
    scramble(lane);
    hash.xor(lane.hi, lane.lo);
    hash.rotate(27);
    hash.multiply(P1_HI, P1_LO);
    hash.add(P4_HI, P4_LO);
  }
  if (offset + 4 <= length) {
    lane.set(0, readWord(bytes, offset));
    lane.multiply(P1_HI, P1_LO);
    hash.xor(lane.hi, lane.lo);
    hash.rotate(23);
    hash.multiply(P2_HI, P2_LO);
    hash.add(P3_HI, P3_LO);
    offset += 4;
  }
  for (; offset < length; offset++) {
    lane.set(0, bytes[offset] as number);
    lane.multiply(P5_HI, P5_LO);
    hash.xor(lane.hi, lane.lo);
    hash.rotate(11);
    hash.multiply(P1_HI, P1_LO);
  }
  hash.xorShiftRight(33);
  hash.multiply(P2_HI, P2_LO);
  hash.xorShiftRight(29);
  hash.multiply(P3_HI, P3_LO);
  hash.xorShiftRight(32);
}

/** The part for inputs of 32 bytes and more; returns where it stopped. */
function consumeStripes(bytes: Uint8Array, length: number, hash: Word64): number {
  const [a, b, c, d] = lanes;
  for (const accumulator of lanes) accumulator.set(hash.hi, hash.lo);
  a.add(P1_HI, P1_LO);
  a.add(P2_HI, P2_LO);
  b.add(P2_HI, P2_LO);
  // Subtracting the first prime is adding its two's complement.
  d.add(~P1_HI, -P1_LO | 0);
  let offset = 0;
  for (; offset + 32 <= length; offset += 32) {
    consumeLane(a, bytes, offset);
    consumeLane(b, bytes, offset + 8);
    consumeLane(c, bytes, offset + 16);
    consumeLane(d, bytes, offset + 24);
  }
  hash.set(0, 0);
  for (const [index, accumulator] of lanes.entries()) {
    lane.set(accumulator.hi, accumulator.lo);
    lane.rotate(MERGE_ROTATIONS[index] as number);
    hash.add(lane.hi, lane.lo);
  }
  for (const accumulator of lanes) {
    lane.set(accumulator.hi, accumulator.lo);
    scramble(lane);
    hash.xor(lane.hi, lane.lo);
    hash.multiply(P1_HI, P1_LO);
    hash.add(P4_HI, P4_LO);
  }
  return offset;
}

function consumeLane(accumulator: Word64, bytes: Uint8Array, offset: number): void {
  lane.set(readWord(bytes, offset + 4), readWord(bytes, offset));
  lane.multiply(P2_HI, P2_LO);
  accumulator.add(lane.hi, lane.lo);
  accumulator.rotate(31);
  accumulator.multiply(P1_HI, P1_LO);
}

function scramble(word: Word64): void {
  word.multiply(P2_HI, P2_LO);
  word.rotate(31);
  word.multiply(P1_HI, P1_LO);
}
