import { createEdf, type EdfScheduler } from "@weftmesh/lb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createStaticEdf } from "../../packages/lb/src/static-edf.js";
import { WeightClasses } from "../../packages/lb/src/weight-classes.js";

/** The schedule of these weights, after others left the list. */
function scheduleOf(weights: readonly number[], prePicks = 0, gone: readonly number[] = []): EdfScheduler {
  const classes = new WeightClasses();
  const present = Float64Array.from([...gone, ...weights]);
  classes.read(present, present.length);
  for (const _ of gone) classes.remove(0);
  return createStaticEdf(Float64Array.from(weights), weights.length, classes, prePicks);
}

/** The plainest schedule: of all deadlines the least, of equal ones the one that waits longest. */
function naive(weights: readonly number[], picks: number): number[] {
  const due = weights.map((weight, index) => ({ index, at: 1 / weight, order: index }));
  return Array.from({ length: picks }, (_, pick) => {
    const next = due.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a));
    next.at += 1 / (weights[next.index] as number);
    next.order = weights.length + pick;
    return next.index;
  });
}

describe("createEdf", () => {
  test.each([1, 30, 1e6])("picks what a scan of all deadlines picks while weights fall to a %d-th", (share) => {
    fc.assert(
      fc.property(fc.integer({ min: 65, max: 300 }), fc.integer({ min: 1, max: 1000 }), (count, spread) => {
        const base = Array.from({ length: count }, (_, index) => 1 + ((index * 7919) % spread));
        const picks = 4 * count;
        // The scan and the schedule read a weight as often, and in the same order.
        const fading = (): ((index: number) => number) => {
          let reads = 0;
          return (index) => (base[index] as number) / (reads++ < 2 * count ? 1 : share);
        };
        const schedule = createEdf(count, fading());
        const weightOf = fading();
        const due = base.map((_, index) => ({ index, at: 1 / weightOf(index), order: index }));
        for (let pick = 0; pick < picks; pick++) {
          const next = due.reduce((a, b) => (b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a));
          next.at += 1 / weightOf(next.index);
          next.order = count + pick;
          expect(schedule.pick()).toBe(next.index);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("createStaticEdf", () => {
  const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4_000_000_000 })), {
    minLength: 1,
    maxLength: 40,
  });

  test("picks what a scan of all deadlines picks", () => {
    fc.assert(
      fc.property(weights, (given) => {
        const schedule = scheduleOf(given);
        const picks = 3 * given.length + 20;
        expect(Array.from({ length: picks }, () => schedule.pick())).toEqual(naive(given, picks));
      }),
    );
  });

  test("starts where the heap of single hosts starts, and goes on with it", () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 0, max: 429_496_728 }), (given, prePicks) => {
        const schedule = scheduleOf(given, prePicks, [3, 77, 0.5]);
        const heap = createEdf(given.length, (index) => given[index] as number, prePicks);
        for (let i = 0; i < 4 * given.length; i++) {
          expect(schedule.peek()).toBe(heap.peek());
          expect(schedule.pick()).toBe(heap.pick());
        }
      }),
    );
  });

  test.each<[string, (index: number) => number]>([
    ["spread", (index) => 100 + ((index * 7919) % 100_003)],
    ["bunched", (index) => 1_000_000_000 + index],
    ["with one that outweighs all others", (index) => (index === 0 ? 4_000_000_000 : 1 + index)],
    ["doubling, so that many are due together", (index) => 2 ** (index % 31) + 2 ** (index % 7)],
    ["below and above 1", (index) => 1 / (1 + index) + (index % 5)],
  ])("with hundreds of different weights, %s, too", (_, weightOf) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 65, max: 700 }),
        fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 429_496_728 })),
        (count, prePicks) => {
          const given = Array.from({ length: count }, (_, index) => weightOf(index));
          const schedule = scheduleOf(given, prePicks, [3, 77]);
          const heap = createEdf(count, (index) => given[index] as number, prePicks);
          const picks = Array.from({ length: 4 * count }, () => schedule.pick());
          expect(picks).toEqual(Array.from({ length: 4 * count }, () => heap.pick()));
        },
      ),
      { numRuns: 15 },
    );
  });

  test("rows that come, go and change weight leave the members as reading all of them does", () => {
    const change = fc.record({
      what: fc.constantFrom("insert", "remove", "change"),
      at: fc.nat(),
      weight: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 })), fc.array(change), (first, changes) => {
        const rows = [...first];
        const followed = new WeightClasses();
        followed.read(Float64Array.from(rows), rows.length);
        followed.sort();
        for (const { what, at, weight } of changes) {
          const row = at % (rows.length + (what === "insert" ? 1 : 0));
          if (Number.isNaN(row)) continue;
          if (what === "insert") followed.insert(row, weight);
          else if (what === "remove") followed.remove(row);
          else followed.change(row, weight);
          rows.splice(row, what === "insert" ? 0 : 1, ...(what === "remove" ? [] : [weight]));
          const members = followed.weights.flatMap((each, at) => {
            const from = followed.starts[at] ?? 0;
            const of = [...followed.members.subarray(from, followed.starts[at + 1])];
            return of.map((row) => [each, row]);
          });
          const plain = followed.weights.flatMap((each) =>
            rows.flatMap((weight, row) => (weight === each ? [[each, row]] : [])),
          );
          expect(members).toEqual(plain);
          expect(followed.live).toBe(new Set(rows).size);
        }
      }),
    );
  });

  test("nobody starves: a host of least weight is picked once in a round of all weights", () => {
    const given = [1, ...Array.from({ length: 30 }, (_, index) => 10 + index)];
    const round = given.reduce((sum, weight) => sum + weight, 0);
    const schedule = scheduleOf(given, 12_345);
    const picked = Array.from({ length: 10 * round }, () => schedule.pick()).filter((index) => index === 0);
    expect(picked).toHaveLength(10);
  });
});
