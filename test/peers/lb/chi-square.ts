/** Whether two samples come from the same distribution. */

/** Occurrences by category. */
export type Counts = ReadonlyMap<string, number>;

/** How a comparison came out. */
export interface ChiSquare {
  readonly statistic: number;
  readonly freedom: number;
  /** The chance of samples at least as different if both have one source. */
  readonly p: number;
}

/** Categories with fewer occurrences in both samples together are taken as one. */
const MIN_OCCURRENCES = 10;

/** Pearson's test of homogeneity for two samples. */
export function compareSamples(a: Counts, b: Counts): ChiSquare {
  const total = (counts: Counts): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const share = total(a) / (total(a) + total(b));
  let [restA, restB, statistic, categories] = [0, 0, 0, 0];
  const add = (inA: number, inB: number): void => {
    const expected = (inA + inB) * share;
    statistic += (inA - expected) ** 2 / expected + (inB - (inA + inB - expected)) ** 2 / (inA + inB - expected);
    categories += 1;
  };
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [inA, inB] = [a.get(key) ?? 0, b.get(key) ?? 0];
    if (inA + inB >= MIN_OCCURRENCES) add(inA, inB);
    else [restA, restB] = [restA + inA, restB + inB];
  }
  if (restA + restB > 0) add(restA, restB);
  const freedom = categories - 1;
  return { statistic, freedom, p: freedom === 0 ? 1 : upperGamma(freedom / 2, statistic / 2) };
}

/** The regularised upper incomplete gamma function of a half-integer and a number, by its recurrence in the former. */
function upperGamma(a: number, x: number): number {
  if (x === 0) return 1;
  // Q(1/2, x) = erfc(√x) and Q(1, x) = e^-x; Q(a + 1, x) = Q(a, x) + x^a e^-x / Γ(a + 1), in logarithms.
  let at = a % 1 === 0 ? 1 : 0.5;
  let q = at === 1 ? Math.exp(-x) : complementaryError(Math.sqrt(x));
  let logGamma = at === 1 ? 0 : Math.log(Math.sqrt(Math.PI));
  for (; at < a; at += 1) {
    logGamma += Math.log(at);
    q += Math.exp(at * Math.log(x) - x - logGamma);
  }
  return Math.min(1, q);
}

/** erfc, to 1.2e-7 of its value (Numerical Recipes 6.2). */
function complementaryError(x: number): number {
  const t = 1 / (1 + x / 2);
  const terms = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587];
  const polynomial = [...terms, -0.82215223, 0.17087277].reduceRight((sum, term) => term + t * sum, 0);
  return t * Math.exp(-x * x + polynomial);
}
