/** Chooses indices in proportion to weights without any state but a sequence number. */
export interface StrideScheduler {
  /** Weights on a 16-bit scale; absent if all indices take turns equally. */
  readonly scaledWeights?: readonly number[];
  /** The next index. Takes greatest weight / mean weight tries on average, and allocates nothing. */
  pick(): number;
}

const SCALE = 65535;
const OFFSET = SCALE >> 1;

/**
 * gRPC's static stride scheduler. Weights of 0 count as the mean of the others; with fewer than two weights above 0, or
 * all equal, indices take turns.
 *
 * A weight below 1/131070 of the greatest rounds to nothing. gRPC then never picks it; here it is scaled to 1.
 *
 * @param startSequence - Where to start; random, so that clients differ.
 * @see https://github.com/grpc/grpc-go/blob/master/balancer/weightedroundrobin/scheduler.go
 */
export function createStride(weights: readonly number[], startSequence: number): StrideScheduler {
  const count = weights.length;
  let sequence = startSequence;
  const scaledWeights = scaleWeights(weights);
  if (scaledWeights === undefined) return { pick: () => sequence++ % count };
  const scaled = Uint16Array.from(scaledWeights);
  return {
    scaledWeights,
    pick() {
      for (;;) {
        const index = sequence % count;
        const generation = Math.floor(sequence / count);
        sequence += 1;
        const weight = scaled[index] as number;
        if ((weight * generation + index * OFFSET) % SCALE >= SCALE - weight) return index;
      }
    },
  };
}

function scaleWeights(weights: readonly number[]): readonly number[] | undefined {
  let sum = 0;
  let max = 0;
  let nonZero = 0;
  for (const weight of weights) {
    sum += weight;
    max = Math.max(max, weight);
    if (weight > 0) nonZero += 1;
  }
  if (nonZero <= 1) return undefined;
  const factor = SCALE / max;
  const mean = Math.round((factor * sum) / nonZero);
  const scaled = weights.map((weight) => (weight === 0 ? mean : Math.max(1, Math.round(factor * weight))));
  return scaled.every((weight) => weight === mean) ? undefined : scaled;
}
