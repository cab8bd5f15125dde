import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type BalancerEnv,
  createCluster,
  leastRequest,
  maglev,
  type PickContext,
  type Policy,
  peakEwma,
  random,
  ringHash,
  roundRobin,
  staticStride,
} from "@weftmesh/lb";
import { describe, expect, test } from "vitest";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const PICKS = 100_000;
/** Optimised code allocates nothing; what is left is what the measurement itself takes. */
const NOTHING_BYTES = 1;
/** A hold: three words of header and seven fields of eight bytes; less than a second object is left over. */
const ONE_OBJECT_BYTES = 80 + 31;

const weights = (index: number): number => 1 + ((index * 37) % 100);
const POLICIES: readonly { name: string; policy: () => Policy; weighted?: boolean; hashed?: boolean }[] = [
  { name: "round robin", policy: roundRobin },
  { name: "weighted round robin", policy: roundRobin, weighted: true },
  { name: "static stride", policy: staticStride, weighted: true },
  { name: "random", policy: random },
  { name: "least request", policy: leastRequest },
  { name: "least request, distinct", policy: () => leastRequest({ selection: "distinct" }) },
  { name: "weighted least request", policy: leastRequest, weighted: true },
  { name: "peak EWMA", policy: peakEwma },
  { name: "maglev", policy: maglev, hashed: true },
  { name: "ring hash", policy: ringHash, hashed: true },
];

/** Draws that need no memory: `Math.random` itself returns each number in a box of its own. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 1) / 2 ** 31;
  };
}

/**
 * Bytes that the heap grows by for each call, over so many that a collection in between would be seen. The least of a
 * few rounds: until the compiler has settled, numbers that pass between functions travel in boxes.
 */
function bytesPerCall(call: (index: number) => unknown, enough: number): number {
  let last: unknown;
  for (let i = 0; i < 2 * PICKS; i++) last = call(i);
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 20 && least > enough; round++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < PICKS; i++) last = call(i);
    const grown = process.memoryUsage().heapUsed - before;
    if (grown >= 0) least = Math.min(least, grown / PICKS);
  }
  expect(last).toBeDefined();
  return least;
}

describe.each(POLICIES)("$name", ({ policy, weighted, hashed }) => {
  const hosts = Array.from({ length: 1000 }, (_, index) => ({
    address: `10.0.${index >> 8}.${index & 255}:80`,
    weight: weighted ? weights(index) : 1,
  }));
  const draw = createRandom();
  const contexts: PickContext[] = Array.from({ length: 1024 }, () =>
    hashed ? { hash: { hi: Math.floor(draw() * 2 ** 32), lo: Math.floor(draw() * 2 ** 32) } } : {},
  );
  const clock = { now: () => 1000 };

  test("a pick of the policy allocates nothing", () => {
    const { prioritySet } = createCluster({ hosts, policy: policy() }, { clock, random: createRandom() });
    const env: BalancerEnv = {
      clock,
      random: createRandom(),
      panicThresholdPercent: 50,
      totalActive: () => 0,
      count: () => undefined,
      gauge: () => undefined,
    };
    const balancer = policy().balancer(prioritySet, env);
    expect(bytesPerCall((i) => balancer.choose(contexts[i & 1023] as PickContext), NOTHING_BYTES)).toBeLessThan(
      NOTHING_BYTES,
    );
  });

  test("a pick of the cluster allocates one object at most", () => {
    const cluster = createCluster({ hosts, policy: policy(), outlierDetection: {} }, { clock, random: createRandom() });
    const ok = { result: "response", status: 200 } as const;
    const bytes = bytesPerCall((i) => {
      const pick = cluster.pick(contexts[i & 1023]);
      if (pick.kind === "host") pick.done(ok);
      return pick;
    }, ONE_OBJECT_BYTES);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(ONE_OBJECT_BYTES);
  });
});
