import { DueQueue } from "./due-queue.js";
import { dueAfter, type EdfScheduler, picksBefore, WEIGHT_EPSILON } from "./edf.js";
import type { WeightClasses } from "./weight-classes.js";

/** A class, its numbers side by side: the fields of its record. */
const RECORD = 3;
/** Time between two picks of a member. */
const PERIOD = 0;
/**
 * How long the members have waited: of classes that are due together the one of lower rank was picked earlier. Classes
 * of one rank were picked together, or never; then the lower row comes first, as it did before.
 */
const RANK = 1;
/** The rank of the members that have had their turn in the round under way. */
const NEXT_RANK = 2;

/**
 * The schedule of `createEdf` for weights that stay as they are until the next schedule, pick for pick. Hosts of one
 * weight are due at the same time and come round in the order of their rows, so classes of weight stand in the queue
 * instead of hosts. Making a schedule costs by their number too: of the picks to skip, a round of a class is one step.
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
  const { members, starts, sizes } = classes;
  const total = sizes.length;
  /** The next member to pick of each class. */
  const heads = starts.slice(0, total);
  const records = new Float64Array(RECORD * total);
  const dueOf = new Float64Array(total);
  let skipped = 0;
  let rate = 0;
  const elapsed = prePicks / sumOf(weights, count);
  const live = new Uint32Array(classes.live);
  for (let each = 0, at = 0; each < total; each++) {
    if (sizes[each] === 0) continue;
    const weight = classes.weights[each] as number;
    const picks = picksBefore(elapsed, weight);
    dueOf[each] = dueAfter(prePicks, picks, weight);
    records[RECORD * each + PERIOD] = 1 / weight;
    skipped += picks * (sizes[each] as number);
    rate += weight;
    live[at++] = each;
  }

  const queue = new DueQueue(live, dueOf, rate, (a, b) => {
    const difference = (records[RECORD * a + RANK] as number) - (records[RECORD * b + RANK] as number);
    if (difference !== 0) return difference < 0;
    return (members[heads[a] as number] as number) < (members[heads[b] as number] as number);
  });
  /** Deadline and rank with which the latest round of a class began. In an array, as variables would need boxes. */
  const round = new Float64Array(2).fill(Number.NaN);
  let lastRank = 0;

  /** Gives the next `picks` members of the class on top their turn; the last of them may end the round. */
  const advance = (each: number, picks: number): void => {
    const record = RECORD * each;
    const start = starts[each] as number;
    const head = heads[each] as number;
    if (head === start) {
      const due = dueOf[each] as number;
      const rank = records[record + RANK] as number;
      if (due !== round[0] || rank !== round[1]) lastRank += 1;
      round[0] = due;
      round[1] = rank;
      records[record + NEXT_RANK] = lastRank;
    }
    if (head + picks === starts[each + 1]) {
      // All members have had their turn, so the first is due again: a period after it was due before.
      heads[each] = start;
      dueOf[each] = (dueOf[each] as number) + (records[record + PERIOD] as number);
      records[record + RANK] = records[record + NEXT_RANK] as number;
    } else {
      heads[each] = head + picks;
    }
    queue.settleFirst();
  };

  /** How many members of a class wait, up to this row. */
  const waitingUpTo = (each: number, row: number): number =>
    Math.max(0, classes.placeOf(row + 1, each) - (heads[each] as number));

  /** The last row to pick of the classes that take turns with the first, if not all of their members are picked. */
  const lastRowOf = (first: number, picks: number): number => {
    const rank = records[RECORD * first + RANK];
    const group = queue.tied.filter((each) => records[RECORD * each + RANK] === rank);
    const waiting = (row: number): number => group.reduce((sum, each) => sum + waitingUpTo(each, row), 0);
    if (waiting(count) <= picks) return count;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (waiting(middle) >= picks) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  // Classes that take turns may be played one after the other: what counts is who had a turn, and at which time.
  let lastRow = count;
  for (let remaining = prePicks - skipped, wholeDue = Number.NaN, wholeRank = 0; remaining > 0; ) {
    const each = queue.first;
    const due = dueOf[each] as number;
    const rank = records[RECORD * each + RANK] as number;
    if (lastRow === count && queue.isTied && (due !== wholeDue || rank !== wholeRank)) {
      lastRow = lastRowOf(each, remaining);
      wholeDue = due;
      wholeRank = rank;
    }
    const waiting =
      lastRow === count ? (starts[each + 1] as number) - (heads[each] as number) : waitingUpTo(each, lastRow);
    const picks = Math.min(waiting, remaining);
    advance(each, picks);
    remaining -= picks;
  }

  return {
    pick() {
      const each = queue.first;
      const row = members[heads[each] as number] as number;
      advance(each, 1);
      return row;
    },
    peek: () => members[heads[queue.first] as number] as number,
  };
}

/** In the order of the rows, as Envoy adds them: the last digits depend on it. */
function sumOf(weights: Float64Array, count: number): number {
  let sum = 0;
  for (let row = 0; row < count; row++) sum += (weights[row] as number) + WEIGHT_EPSILON;
  return sum;
}
