/** A uniform random number in `[0, 1)`. */
export type Random = () => number;

const bits53 = 2 ** 53;

/**
 * The integer that decides fractions, weights and mirrors of one request, drawn once per request like Envoy's stream random.
 * Envoy has 64 bits, this has 53, so it stays exact in a number.
 */
export function streamRandom(random: Random): number {
  return Math.floor(random() * bits53);
}

/**
 * A {@link Random} whose stream integer is exactly `value`, for tests that name Envoy's random value.
 *
 * @param value - A non-negative integer below 2^53.
 */
export function fixedRandom(value: number): Random {
  const fraction = value / bits53;
  return () => fraction;
}
