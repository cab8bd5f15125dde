import { DueQueue } from "./due-queue.js";

/** Chooses indices in proportion to weights, smoothly: each next pick is the one whose deadline comes first. */
export interface EdfScheduler {
  /** The next index; its weight is read again for its following deadline. Allocates nothing. */
  pick(): number;
  /** The index the next {@link EdfScheduler.pick} gives. */
  peek(): number;
}

/** Start positions are taken below this, so that products with weights stay exact enough; as in Envoy. */
export const EDF_MAX_PRE_PICKS = 429496729;

/** Keeps tiny and zero weights from dividing by zero when picks are skipped; the figure is Envoy's. */
export const WEIGHT_EPSILON = 1e-13;

/**
 * Earliest deadline first: an index picked at time `t` comes back at `t + 1/weight`; of equal deadlines the one that
 * was inserted first wins.
 *
 * @param count - Number of indices, at least 1.
 * @param weightOf - Read when an index is inserted, so a change takes effect after its next pick.
 * @param prePicks - Start as if this many picks had happened. Fresh schedulers of many clients then differ, instead of
 * all choosing the heaviest host first.
 * @see https://github.com/envoyproxy/envoy/blob/main/source/common/upstream/edf_scheduler.h
 */
export function createEdf(count: number, weightOf: (index: number) => number, prePicks = 0): EdfScheduler {
  const dueOf = new Float64Array(count);
  let rate = 0;
  for (let index = 0; index < count; index++) {
    const weight = weightOf(index);
    dueOf[index] = weight;
    rate += weight + WEIGHT_EPSILON;
  }
  const elapsed = prePicks / rate;
  const items = new Uint32Array(count);
  /** When each index was inserted: of equal deadlines the earlier one is first. */
  const order = new Float64Array(count);
  let inserted = count;
  let skipped = 0;
  for (let index = 0; index < count; index++) {
    items[index] = index;
    order[index] = index;
    const weight = dueOf[index] as number;
    const picks = picksBefore(elapsed, weight);
    dueOf[index] = dueAfter(prePicks, picks, weight);
    skipped += picks;
  }

  const queue = new DueQueue(items, dueOf, rate, (a, b) => (order[a] as number) < (order[b] as number));
  const pick = (): number => {
    const index = queue.first;
    order[index] = inserted++;
    dueOf[index] = (dueOf[index] as number) + 1 / weightOf(index);
    queue.settleFirst();
    return index;
  };
  for (let remaining = prePicks - skipped; remaining > 0; remaining--) pick();

  return { pick, peek: () => queue.first };
}

/** How often an index of this weight was picked surely after so much time; the rest has to be played. */
export function picksBefore(elapsed: number, weight: number): number {
  const padded = weight + WEIGHT_EPSILON;
  const picks = Math.floor(padded * elapsed);
  return picks > 0 && picks / padded >= elapsed ? picks - 1 : picks;
}

/** When an index of this weight is due that was picked so often; Envoy pads the weight only where it skips picks. */
export function dueAfter(prePicks: number, picks: number, weight: number): number {
  return prePicks === 0 ? 1 / weight : (picks + 1) / (weight + WEIGHT_EPSILON);
}
