import { type EdfScheduler, WEIGHT_EPSILON } from "./edf.js";
import type { WeightClasses } from "./weight-classes.js";

/** A class, its numbers side by side: the fields of its record. */
const RECORD = 4;
/** When the members that wait are due: all at the same time, so they need a queue and no heap. */
const DUE = 0;
/** Time between two picks of a member. */
const PERIOD = 1;
/**
 * How long the members have waited: of classes that are due together the one of lower rank was picked earlier. Classes
 * of one rank were picked together, or never; then the lower row comes first, as it did before.
 */
const RANK = 2;
/** The rank of the members that have had their turn in the round under way. */
const NEXT_RANK = 3;

/**
 * The schedule of `createEdf` for weights that stay as they are until the next schedule, pick for pick. Hosts of one
 * weight come round in the order of their rows, so they need a queue, not a heap: the heap holds one entry for each
 * different weight, and a pick costs by how many of those there are. So does making a schedule: of the picks to skip, a
 * whole round of a class is one step.
 *
 * @param weights - Weight of each row, above 0; the first `count` count.
 * @param count - Number of rows, at least 1.
 * @param classes - Their classes; must not change while the schedule is used.
 * @param prePicks - Start as if this many picks had happened.
 */
export function createStaticEdf(
  weights: Float64Array,
  count: number,
  classes: WeightClasses,
  prePicks = 0,
): EdfScheduler {
  classes.sort();
  const { members, starts, live } = classes;
  const total = classes.sizes.length;
  /** The next member to pick of each class. */
  const heads = starts.slice(0, total);
  const records = new Float64Array(RECORD * total);
  const skipped = preDeadlines(records, sumOf(weights, count), classes, prePicks);
  /** Deadline and rank with which the latest round of a class began. In an array, as variables would need boxes. */
  const round = new Float64Array(2).fill(Number.NaN);
  let lastRank = 0;

  const heap = new Uint32Array(live);
  /** Deadlines of the heap's classes; two endless ones behind them stand for the children that are not there. */
  const dues = new Float64Array(live + 2).fill(Number.POSITIVE_INFINITY);
  for (let each = 0, slot = 0; each < total; each++) {
    if (classes.sizes[each] === 0) continue;
    heap[slot] = each;
    dues[slot++] = records[RECORD * each + DUE] as number;
  }

  /** Of two classes that are due at the same time, whether `a` comes first. */
  const winsTie = (a: number, b: number): boolean => {
    const difference = (records[RECORD * a + RANK] as number) - (records[RECORD * b + RANK] as number);
    if (difference !== 0) return difference < 0;
    return (members[heads[a] as number] as number) < (members[heads[b] as number] as number);
  };

  /** Puts a class into the slot that is free and lets it sink. No deadline is an argument: it would need a box. */
  const sink = (free: number, moving: number): void => {
    const due = records[RECORD * moving + DUE] as number;
    let slot = free;
    for (let child = 2 * slot + 1; child < live; child = 2 * slot + 1) {
      const left = dues[child] as number;
      const right = dues[child + 1] as number;
      // Which child is sooner is a toss-up to the processor: as a number it costs no wrong guess.
      if (left !== right) child += Number(right < left) | 0;
      else if (child + 1 < live && winsTie(heap[child + 1] as number, heap[child] as number)) child += 1;
      const sooner = dues[child] as number;
      if (due < sooner || (due === sooner && winsTie(moving, heap[child] as number))) break;
      heap[slot] = heap[child] as number;
      dues[slot] = sooner;
      slot = child;
    }
    heap[slot] = moving;
    dues[slot] = due;
  };

  /** Gives the next `picks` members of the class on top their turn; the last of them may end the round. */
  const advance = (picks: number): void => {
    const each = heap[0] as number;
    const record = RECORD * each;
    const start = starts[each] as number;
    const head = heads[each] as number;
    if (head === start) {
      const due = records[record + DUE] as number;
      const rank = records[record + RANK] as number;
      if (due !== round[0] || rank !== round[1]) lastRank += 1;
      round[0] = due;
      round[1] = rank;
      records[record + NEXT_RANK] = lastRank;
    }
    if (head + picks === starts[each + 1]) {
      // All members have had their turn, so the first is due again: a period after it was due before.
      heads[each] = start;
      records[record + DUE] = (records[record + DUE] as number) + (records[record + PERIOD] as number);
      records[record + RANK] = records[record + NEXT_RANK] as number;
    } else {
      heads[each] = head + picks;
    }
    sink(0, each);
  };

  for (let slot = (live >> 1) - 1; slot >= 0; slot--) sink(slot, heap[slot] as number);
  for (let remaining = prePicks - skipped; remaining > 0; ) {
    const first = heap[0] as number;
    const waiting = (starts[first + 1] as number) - (heads[first] as number);
    // As long as no other class is due at the same time, its members follow each other.
    const picks = dues[1] === dues[0] || dues[2] === dues[0] ? 1 : Math.min(waiting, remaining);
    advance(picks);
    remaining -= picks;
  }

  const peek = (): number => members[heads[heap[0] as number] as number] as number;
  return {
    pick() {
      const row = peek();
      advance(1);
      return row;
    },
    peek,
  };
}

/** In the order of the rows, as Envoy adds them: the last digits depend on it. */
function sumOf(weights: Float64Array, count: number): number {
  let sum = 0;
  for (let row = 0; row < count; row++) sum += (weights[row] as number) + WEIGHT_EPSILON;
  return sum;
}

/** Writes when each class is due after so many picks, as far as arithmetic goes; returns how many picks that were. */
function preDeadlines(records: Float64Array, sum: number, classes: WeightClasses, prePicks: number): number {
  const elapsed = prePicks / sum;
  let skipped = 0;
  for (let each = 0; each < classes.weights.length; each++) {
    const record = RECORD * each;
    const own = classes.weights[each] as number;
    records[record + PERIOD] = 1 / own;
    if (prePicks === 0) {
      records[record + DUE] = 1 / own;
      continue;
    }
    const weight = own + WEIGHT_EPSILON;
    let picks = Math.floor(weight * elapsed);
    if (picks > 0 && picks / weight >= elapsed) picks -= 1;
    records[record + DUE] = (picks + 1) / weight;
    skipped += picks * (classes.sizes[each] as number);
  }
  return skipped;
}
