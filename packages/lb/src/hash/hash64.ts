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

/** The remainder of a hash divided by `divisor`, an integer below 2^26: products then stay exact in a double. */
export function hash64Modulo(hi: number, lo: number, divisor: number): number {
  return ((hi % divisor) * (4294967296 % divisor) + (lo % divisor)) % divisor;
}
