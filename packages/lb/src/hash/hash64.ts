/**
 * A 64-bit hash as two unsigned 32-bit halves. Pairs rather than `bigint`: looking one up in a ring or table then
 * allocates nothing.
 */
export interface Hash64 {
  /** The upper 32 bits, 0 to 2^32 − 1. */
  readonly hi: number;
  /** The lower 32 bits, 0 to 2^32 − 1. */
  readonly lo: number;
}

/** Splits an unsigned 64-bit integer; bits above 64 are dropped. */
export function hash64FromBigInt(value: bigint): Hash64 {
  return { hi: Number((value >> 32n) & 0xffffffffn), lo: Number(value & 0xffffffffn) };
}

/** Joins the halves into an unsigned 64-bit integer. */
export function hash64ToBigInt(hash: Hash64): bigint {
  return (BigInt(hash.hi) << 32n) | BigInt(hash.lo);
}

/**
 * Divides hashes by one integer below 2^26: products then stay exact in a double. A remainder of doubles is a call into
 * the C library, so quotients are had by multiplying with the inverse; each may be one off, which the end corrects.
 */
export class Modulus {
  private readonly divisor: number;
  private readonly inverse: number;
  /** 2^32 modulo the divisor. */
  private readonly power: number;

  constructor(divisor: number) {
    this.divisor = divisor;
    this.inverse = 1 / divisor;
    this.power = 2 ** 32 % divisor;
  }

  /** The remainder. Halves may be signed or unsigned. */
  of(hi: number, lo: number): number {
    const { divisor, inverse } = this;
    const upper = hi >>> 0;
    const sum = (upper - Math.floor(upper * inverse) * divisor) * this.power + (lo >>> 0);
    const rest = sum - Math.floor(sum * inverse) * divisor;
    if (rest < 0) return rest + divisor;
    return rest >= divisor ? rest - divisor : rest;
  }
}
