/** Lower quartile, median, upper quartile. */
export type Spread = readonly [q1: number, median: number, q3: number];

/** The middle value; the mean of the two middle ones for an even count; NaN for none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quartiles, linearly interpolated. */
export function quartiles(values: readonly number[]): Spread {
  return [quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)];
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
