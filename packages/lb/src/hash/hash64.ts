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
 * The remainder of a hash divided by `divisor`, an integer below 2^26: products then stay exact in a double. Only
 * divisions of 32-bit integers are used, because a remainder of doubles costs ten times as much.
 */
export function hash64Modulo(hi: number, lo: number, divisor: number): number {
  const d = divisor >>> 0;
  const upper = (hi >>> 0) % d;
  const lower = (lo >>> 0) % d;
  const power = ((0xffffffff >>> 0) % d) + 1;
  const sum = upper * power + lower;
  const rest = sum - Math.floor(sum / d) * d;
  if (rest < 0) return rest + d;
  return rest >= d ? rest - d : rest;
}
