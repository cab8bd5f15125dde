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
  const deadline = new Float64Array(count);
  const order = new Float64Array(count);
  const heap = new Uint32Array(count);
  let inserted = 0;

  const before = (a: number, b: number): boolean => {
    const difference = (deadline[a] as number) - (deadline[b] as number);
    return difference < 0 || (difference === 0 && (order[a] as number) < (order[b] as number));
  };

  const siftDown = (start: number): void => {
    let slot = start;
    const moving = heap[slot] as number;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= count) break;
      const right = child + 1;
      if (right < count && before(heap[right] as number, heap[child] as number)) child = right;
      if (!before(heap[child] as number, moving)) break;
      heap[slot] = heap[child] as number;
      slot = child;
    }
    heap[slot] = moving;
  };

  const pick = (): number => {
    const index = heap[0] as number;
    deadline[index] = (deadline[index] as number) + 1 / weightOf(index);
    order[index] = inserted++;
    siftDown(0);
    return index;
  };

  const { deadlineOf, skipped } = preDeadlines(count, weightOf, prePicks);
  deadline.set(deadlineOf);
  for (let index = 0; index < count; index++) {
    heap[index] = index;
    order[index] = inserted++;
  }
  for (let slot = (count >> 1) - 1; slot >= 0; slot--) siftDown(slot);
  for (let remaining = prePicks - skipped; remaining > 0; remaining--) pick();

  return { pick, peek: () => heap[0] as number };
}

/** Deadlines after so many picks, as far as they can be had by arithmetic; `skipped` says how many that were. */
function preDeadlines(
  count: number,
  weightOf: (index: number) => number,
  prePicks: number,
): { readonly deadlineOf: Float64Array; readonly skipped: number } {
  const deadlineOf = new Float64Array(count);
  if (prePicks === 0) {
    for (let index = 0; index < count; index++) deadlineOf[index] = 1 / weightOf(index);
    return { deadlineOf, skipped: 0 };
  }
  let sum = 0;
  for (let index = 0; index < count; index++) sum += weightOf(index) + WEIGHT_EPSILON;
  const elapsed = prePicks / sum;
  let skipped = 0;
  for (let index = 0; index < count; index++) {
    const weight = weightOf(index) + WEIGHT_EPSILON;
    let own = Math.floor(weight * elapsed);
    if (own > 0 && own / weight >= elapsed) own -= 1;
    deadlineOf[index] = (own + 1) / weight;
    skipped += own;
  }
  return { deadlineOf, skipped };
}
