import { type EdfScheduler, WEIGHT_EPSILON } from "./edf.js";
import type { WeightClasses } from "./weight-classes.js";

/**
 * The schedule of `createEdf` for weights that stay as they are until the next schedule, pick for pick. Hosts of one
 * weight come round in the order in which they were picked, so they need a queue, not a heap: the heap holds one entry
 * for each different weight, and a pick costs by how many of those there are.
 *
 * @param count - Number of indices, at least 1.
 * @param weights - Weight of each index, above 0.
 * @param classOf - Class of each index among `classes`.
 * @param prePicks - Start as if this many picks had happened.
 */
export function createStaticEdf(
  count: number,
  weights: Float64Array,
  classOf: Uint32Array,
  classes: WeightClasses,
  prePicks = 0,
): EdfScheduler {
  const total = classes.sizes.length;
  // Members of a class lie side by side, in the order of their indices.
  const start = new Uint32Array(total + 1);
  for (let each = 0; each < total; each++) start[each + 1] = (start[each] as number) + (classes.sizes[each] as number);
  const head = start.slice(0, total);
  const member = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    const each = classOf[index] as number;
    const place = head[each] as number;
    head[each] = place + 1;
    member[place] = index;
  }
  head.set(start.subarray(0, total));
  const order = new Float64Array(member);
  let inserted = count;

  /** Time between two picks of a member of each class, and when the first of its members is due. */
  const periods = new Float64Array(total);
  const dueAt = new Float64Array(total);
  const skipped = preDeadlines(dueAt, sumOf(weights, count), classes, prePicks);
  const { live } = classes;
  const heap = new Uint32Array(live);
  let filled = 0;
  for (let each = 0; each < total; each++) {
    periods[each] = 1 / (classes.weights[each] as number);
    if (classes.sizes[each] !== 0) heap[filled++] = each;
  }
  const heapDeadline = new Float64Array(live);
  const heapOrder = new Float64Array(live);
  for (let slot = 0; slot < live; slot++) {
    const each = heap[slot] as number;
    heapDeadline[slot] = dueAt[each] as number;
    heapOrder[slot] = order[head[each] as number] as number;
  }

  /** Puts a class into the slot that is free and lets it sink. No deadline is an argument: it would need a box. */
  const sink = (free: number, moving: number): void => {
    const due = dueAt[moving] as number;
    const ordinal = order[head[moving] as number] as number;
    let slot = free;
    for (let child = 2 * slot + 1; child < live; child = 2 * slot + 1) {
      let childDue = heapDeadline[child] as number;
      const right = child + 1;
      if (right < live) {
        const rightDue = heapDeadline[right] as number;
        if (
          rightDue < childDue ||
          (rightDue === childDue && (heapOrder[right] as number) < (heapOrder[child] as number))
        ) {
          child = right;
          childDue = rightDue;
        }
      }
      if (due < childDue || (due === childDue && ordinal < (heapOrder[child] as number))) break;
      heap[slot] = heap[child] as number;
      heapDeadline[slot] = childDue;
      heapOrder[slot] = heapOrder[child] as number;
      slot = child;
    }
    heap[slot] = moving;
    heapDeadline[slot] = due;
    heapOrder[slot] = ordinal;
  };

  const pick = (): number => {
    const first = heap[0] as number;
    const place = head[first] as number;
    order[place] = inserted++;
    if (place + 1 === (start[first + 1] as number)) {
      // All members have had their turn, so the first is due again: a period after it was due before.
      head[first] = start[first] as number;
      dueAt[first] = (dueAt[first] as number) + (periods[first] as number);
    } else {
      head[first] = place + 1;
    }
    sink(0, first);
    return member[place] as number;
  };

  /** Picks once, or all that wait in the first class if no other is due; returns how many picks that was. */
  const pickRound = (limit: number): number => {
    const first = heap[0] as number;
    const place = head[first] as number;
    const last = (start[first + 1] as number) - 1;
    const tie = heapDeadline[1] === heapDeadline[0] || heapDeadline[2] === heapDeadline[0];
    if (tie || last === place || last - place >= limit) {
      pick();
      return 1;
    }
    // All but the last follow each other without a change in the heap; the last makes the class wait for its period.
    for (let each = place; each < last; each++) order[each] = inserted++;
    head[first] = last;
    pick();
    return last - place + 1;
  };

  for (let slot = (live >> 1) - 1; slot >= 0; slot--) sink(slot, heap[slot] as number);
  for (let remaining = prePicks - skipped; remaining > 0; ) remaining -= pickRound(remaining);

  return { pick, peek: () => member[head[heap[0] as number] as number] as number };
}

/** In the order of the indices, as Envoy adds them: the last digits depend on it. */
function sumOf(weights: Float64Array, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += (weights[index] as number) + WEIGHT_EPSILON;
  return sum;
}

/** Writes when each class is due after so many picks, as far as arithmetic goes; returns how many picks that were. */
function preDeadlines(dueAt: Float64Array, sum: number, classes: WeightClasses, prePicks: number): number {
  const elapsed = prePicks / sum;
  let skipped = 0;
  for (let each = 0; each < dueAt.length; each++) {
    const own = classes.weights[each] as number;
    if (prePicks === 0) {
      dueAt[each] = 1 / own;
      continue;
    }
    const weight = own + WEIGHT_EPSILON;
    let picks = Math.floor(weight * elapsed);
    if (picks > 0 && picks / weight >= elapsed) picks -= 1;
    dueAt[each] = (picks + 1) / weight;
    skipped += picks * (classes.sizes[each] as number);
  }
  return skipped;
}
