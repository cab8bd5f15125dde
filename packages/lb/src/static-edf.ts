import type { EdfScheduler } from "./edf.js";
import { preDeadlines } from "./edf.js";

/**
 * The schedule of {@link createEdf} for weights that stay as they are until the next schedule, pick for pick. Hosts of
 * one weight come round in the order in which they were picked, so they need a queue, not a heap: the heap holds one
 * entry for each different weight, and a pick costs by how many of those there are.
 *
 * @param weights - At least one, all above 0.
 * @param prePicks - Start as if this many picks had happened.
 */
export function createStaticEdf(weights: ArrayLike<number>, prePicks = 0): EdfScheduler {
  const count = weights.length;
  const { classOf, periods } = classesOf(weights);
  const classes = periods.length;
  // Members of a class lie side by side, in the order of their indices.
  const start = new Uint32Array(classes + 1);
  for (let index = 0; index < count; index++) {
    const next = (classOf[index] as number) + 1;
    start[next] = (start[next] as number) + 1;
  }
  for (let each = 1; each <= classes; each++) start[each] = (start[each] as number) + (start[each - 1] as number);
  const head = start.slice(0, classes);
  const member = new Uint32Array(count);
  const deadline = new Float64Array(count);
  const order = new Float64Array(count);
  const { deadlineOf, skipped } = preDeadlines(count, (index) => weights[index] as number, prePicks);
  for (let index = 0; index < count; index++) {
    const each = classOf[index] as number;
    const place = head[each] as number;
    head[each] = place + 1;
    member[place] = index;
    deadline[place] = deadlineOf[index] as number;
    order[place] = index;
  }
  head.set(start.subarray(0, classes));
  let inserted = count;

  const heap = Uint32Array.from({ length: classes }, (_, each) => each);
  const heapDeadline = new Float64Array(classes);
  const heapOrder = new Float64Array(classes);

  /** Puts a class into the slot that is free and lets it sink. No deadline is an argument: it would need a box. */
  const sink = (free: number, moving: number): void => {
    const front = head[moving] as number;
    const due = deadline[front] as number;
    const ordinal = order[front] as number;
    let slot = free;
    for (let child = 2 * slot + 1; child < classes; child = 2 * slot + 1) {
      let childDue = heapDeadline[child] as number;
      const right = child + 1;
      if (right < classes) {
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
    deadline[place] = (deadline[place] as number) + (periods[first] as number);
    order[place] = inserted++;
    head[first] = place + 1 === (start[first + 1] as number) ? (start[first] as number) : place + 1;
    sink(0, first);
    return member[place] as number;
  };

  for (let slot = 0; slot < classes; slot++) {
    const place = start[slot] as number;
    heapDeadline[slot] = deadline[place] as number;
    heapOrder[slot] = order[place] as number;
  }
  for (let slot = (classes >> 1) - 1; slot >= 0; slot--) sink(slot, heap[slot] as number);
  for (let remaining = prePicks - skipped; remaining > 0; remaining--) pick();

  return { pick, peek: () => member[head[heap[0] as number] as number] as number };
}

/** Which class each index is in, and the time between two picks of a member of each class. */
function classesOf(weights: ArrayLike<number>): { classOf: Uint32Array; periods: Float64Array } {
  const classOf = new Uint32Array(weights.length);
  const byWeight = new Map<number, number>();
  const periods: number[] = [];
  let last = Number.NaN;
  let each = 0;
  for (let index = 0; index < weights.length; index++) {
    const weight = weights[index] as number;
    if (weight !== last) {
      last = weight;
      each = byWeight.get(weight) ?? periods.length;
      if (each === periods.length) {
        byWeight.set(weight, each);
        periods.push(1 / weight);
      }
    }
    classOf[index] = each;
  }
  return { classOf, periods: Float64Array.from(periods) };
}
