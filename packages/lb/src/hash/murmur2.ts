import { readWord, Word64 } from "./word64.js";

const M_HI = 0xc6a4a793;
const M_LO = 0x5bd1e995;

/** Seed of libstdc++'s `std::hash`, which Envoy's MURMUR_HASH_2 reproduces. */
const SEED = 0xc70f6907;

const word = new Word64(0, 0);

/**
 * MurmurHash64A of the first `length` bytes with the seed of libstdc++, written into `hash`. Allocates nothing.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/source/common/common/hash.cc
 */
export function murmur2(bytes: Uint8Array, length: number, hash: Word64): void {
  word.set(0, length);
  word.multiply(M_HI, M_LO);
  hash.set(word.hi, word.lo ^ SEED);
  let offset = 0;
  for (; offset + 8 <= length; offset += 8) {
    word.set(readWord(bytes, offset + 4), readWord(bytes, offset));
    word.multiply(M_HI, M_LO);
    word.xorShiftRight(47);
    word.multiply(M_HI, M_LO);
    hash.xor(word.hi, word.lo);
    hash.multiply(M_HI, M_LO);
  }
  if (offset < length) {
    let hi = 0;
    let lo = 0;
    for (let position = 0; offset < length; offset++, position++) {
      const byte = bytes[offset] as number;
      if (position < 4) lo |= byte << (8 * position);
      else hi |= byte << (8 * (position - 4));
    }
    hash.xor(hi, lo);
    hash.multiply(M_HI, M_LO);
  }
  hash.xorShiftRight(47);
  hash.multiply(M_HI, M_LO);
  hash.xorShiftRight(47);
}
