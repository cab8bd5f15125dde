const SIZE = 624;
const SHIFT = 397;

/**
 * The 32-bit Mersenne Twister (MT19937) of the C++ standard library. Envoy's probe order for overloaded hosts is
 * defined by it. Seeding it again reuses the memory, and the state is advanced only as far as numbers are drawn.
 */
export class Mersenne {
  private readonly state = new Uint32Array(SIZE);
  private index = 0;

  /** Starts the sequence of a 32-bit seed. */
  seed(seed: number): void {
    const { state } = this;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const previous = state[i - 1] as number;
      state[i] = Math.imul(previous ^ (previous >>> 30), 1812433253) + i;
    }
    this.index = 0;
  }

  /** The next number, 0 to 2^32 − 1. */
  next(): number {
    const { state, index } = this;
    const following = index + 1 === SIZE ? 0 : index + 1;
    const mixed = ((state[index] as number) & 0x80000000) | ((state[following] as number) & 0x7fffffff);
    const distant = index + SHIFT < SIZE ? index + SHIFT : index + SHIFT - SIZE;
    let value = (state[distant] as number) ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    state[index] = value;
    this.index = following;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  /** A number below `limit`, by division and rejection as libstdc++ does it. */
  below(limit: number): number {
    const bucket = Math.floor(4294967296 / limit);
    for (;;) {
      const value = Math.floor(this.next() / bucket);
      if (value < limit) return value;
    }
  }
}
