import { leastRequest, type Policy, peakEwma, roundRobin } from "@weftmesh/lb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OK, picked, setUp } from "./picking.js";

const POLICIES: Readonly<Record<string, () => Policy>> = {
  "round robin": roundRobin,
  "least request": leastRequest,
};

/** Indices of hosts, and what becomes of each. */
const changes = fc.array(
  fc.record({
    host: fc.integer({ min: 0, max: 11 }),
    what: fc.constantFrom("HEALTHY", "UNHEALTHY", "add", "remove", 1, 5, 9),
  }),
  { maxLength: 40 },
);

describe.each(Object.entries(POLICIES))("%s", (_, policy) => {
  test("after changes of single hosts, picks are those of a cluster that was given the result at once", () => {
    fc.assert(
      fc.property(changes, (given) => {
        // One host outweighs the others, so that a schedule decides: it starts anew after each change.
        const few = Array.from({ length: 8 }, (_, index) => ({ address: `h${index}:1`, weight: 1 + (index % 3) }));
        const hosts = [{ address: "big:1", weight: 50 }, ...few];
        const options = { hosts, policy: policy(), updateMergeWindowMs: 0 };
        const { cluster } = setUp(options);
        const { cluster: late } = setUp(options);
        for (const { host, what } of given) {
          const address = `h${host}:1`;
          for (const each of [cluster, late]) {
            if (what === "add") each.update({ add: [{ hosts: [{ address, weight: 7 }] }] });
            else if (what === "remove") each.update({ remove: [address] });
            else if (typeof what === "number") each.update({ change: [{ address, weight: what }] });
            else if (what === "HEALTHY" || what === "UNHEALTHY") each.update({ change: [{ address, health: what }] });
          }
          // Explaining builds what a pick would build, so this one follows the changes one at a time.
          cluster.explain();
        }
        const sequence = (of: typeof cluster): string[] => {
          of.update({ change: [{ address: "big:1", weight: 51 }] });
          return Array.from({ length: 60 }, () => {
            const pick = picked(of.pick());
            pick.done(OK);
            return pick.host.address;
          });
        };
        expect(sequence(cluster)).toEqual(sequence(late));
      }),
      { numRuns: 60 },
    );
  });
});

test("a change in one priority leaves the rotation of another where it stands, as in Envoy", () => {
  const endpoints = [
    {
      hosts: [
        { address: "a:1", weight: 1 },
        { address: "b:1", weight: 3 },
        { address: "c:1", weight: 5 },
      ],
    },
    { priority: 1, hosts: [{ address: "z:1" }, { address: "y:1" }] },
  ];
  const [undisturbed, disturbed] = [0, 1].map(
    () => setUp({ endpoints, policy: roundRobin(), updateMergeWindowMs: 0 }).cluster,
  );
  const sequence = (cluster: typeof undisturbed, change: boolean): string[] =>
    Array.from({ length: 40 }, (_, index) => {
      if (change) {
        cluster?.update({ change: [{ address: "z:1", health: index % 2 === 0 ? "UNHEALTHY" : "HEALTHY" }] });
      }
      const pick = picked((cluster as NonNullable<typeof cluster>).pick());
      pick.done(OK);
      return pick.host.address;
    });
  expect(sequence(disturbed, true)).toEqual(sequence(undisturbed, false));
});

test("a restored estimate makes the slow host slow in the new cluster as well", () => {
  const options = { hosts: ["a:1", "b:1"], policy: peakEwma() };
  const { cluster, clock } = setUp(options);
  for (const latencyMs of [4000, 5]) picked(cluster.pick()).done({ ...OK, latencyMs });
  clock.advance(10);
  const slow = cluster.host("a:1");
  const saved: unknown = JSON.parse(JSON.stringify(cluster.snapshot()));
  const next = setUp(options).cluster;
  next.restore(saved);
  const choices = (of: typeof cluster): string[] =>
    Array.from({ length: 20 }, () => {
      const pick = picked(of.pick());
      pick.done({ result: "aborted" });
      return pick.host.address;
    });
  expect(slow).toBeDefined();
  expect(new Set(choices(next))).toEqual(new Set(choices(cluster)));
  expect(new Set(choices(next)).size).toBe(1);
});
