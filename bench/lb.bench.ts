/** Balancers against the plainest code for each job, and against grpc-js' weighted pick. */
import { createRequire } from "node:module";
import {
  type BalancerEnv,
  createCluster,
  createHashRing,
  createMaglevTable,
  leastRequest,
  maglev,
  type PickContext,
  type Policy,
  peakEwma,
  random,
  ringHash,
  roundRobin,
  staticStride,
  systemClock,
} from "@weftmesh/lb";
import {
  type PlainHost,
  plainEwma,
  plainHeap,
  plainHosts,
  plainRandom,
  plainRing,
  plainRoundRobin,
  plainTable,
  plainTwoChoices,
} from "./lb/prototypes.js";
import type { Bar, Operation, OperationRow, Row } from "./row.js";

const SIZES = [10, 1000, 10_000] as const;
const PICKS = 1000;

const equal = (count: number): number[] => Array.from({ length: count }, () => 1);
const mixed = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + ((index * 37) % 100));
const skewed = (count: number): number[] => equal(count).map((weight, index) => (index === 0 ? 1000 : weight));

const DEPS = { clock: systemClock, random: Math.random };

function clusterOf(weights: readonly number[], policy: Policy) {
  return createCluster({ hosts: plainHosts(weights), policy, updateMergeWindowMs: 0 }, DEPS);
}

/** What a policy costs by itself, priorities and lists included, admission left out. */
function picks(weights: readonly number[], policy: Policy, hashed = false): Operation {
  const { prioritySet } = clusterOf(weights, policy);
  const env: BalancerEnv = {
    ...DEPS,
    panicThresholdPercent: 50,
    totalActive: () => 0,
    count: () => undefined,
    gauge: () => undefined,
  };
  const balancer = policy.balancer(prioritySet, env);
  const contexts = hashed ? hashContexts() : [{}];
  let turn = 0;
  return () => {
    let last: unknown;
    for (let i = 0; i < PICKS; i++) last = balancer.choose(contexts[turn++ % contexts.length] as PickContext);
    return last;
  };
}

function hashContexts(): PickContext[] {
  const word = (): number => Math.floor(Math.random() * 2 ** 32);
  return Array.from({ length: 4096 }, () => ({ hash: { hi: word(), lo: word() } }));
}

function plain(pick: () => PlainHost): Operation {
  return () => {
    let last: unknown;
    for (let i = 0; i < PICKS; i++) last = pick();
    return last;
  };
}

function plainHashed(pick: (hash: number) => PlainHost): Operation {
  const hashes = Uint32Array.from({ length: 4096 }, () => Math.floor(Math.random() * 2 ** 32));
  let turn = 0;
  return plain(() => pick(hashes[turn++ % hashes.length] as number));
}

const ratio = (max: number): Bar => ({ kind: "ratio", max });
const absolute = (max: number): Bar => ({ kind: "absolute", max });

interface PolicyRow {
  readonly name: string;
  readonly policy: () => Policy;
  readonly weights: (count: number) => number[];
  readonly hashed?: boolean;
  readonly prototype: (count: number) => Operation;
}

const POLICIES: readonly PolicyRow[] = [
  {
    name: "round robin",
    policy: roundRobin,
    weights: equal,
    prototype: (n) => plain(plainRoundRobin(plainHosts(equal(n)))),
  },
  { name: "random", policy: random, weights: equal, prototype: (n) => plain(plainRandom(plainHosts(equal(n)))) },
  {
    name: "least request",
    policy: leastRequest,
    weights: equal,
    prototype: (n) => plain(plainTwoChoices(plainHosts(equal(n)))),
  },
  {
    name: "weighted round robin (EDF)",
    policy: roundRobin,
    weights: mixed,
    prototype: (n) => plain(plainHeap(plainHosts(mixed(n)))),
  },
  {
    name: "static stride",
    policy: staticStride,
    weights: mixed,
    prototype: (n) => plain(plainHeap(plainHosts(mixed(n)))),
  },
  { name: "peak EWMA", policy: peakEwma, weights: equal, prototype: (n) => plain(plainEwma(plainHosts(equal(n)))) },
  {
    name: "maglev",
    policy: () => maglev({ tableSize: 65537 }),
    weights: equal,
    hashed: true,
    prototype: (n) => plainHashed(plainTable(plainHosts(equal(n)), 65537)),
  },
  {
    name: "ring hash, 64k entries",
    policy: () => ringHash({ minimumRingSize: 65536 }),
    weights: equal,
    hashed: true,
    prototype: (n) => plainHashed(plainRing(plainHosts(equal(n)), 65536)),
  },
];

/**
 * Modulo, one draw and one read from a table cost a few nanoseconds, less than choosing the priority, which every pick
 * includes here; these have an absolute bar.
 */
const ABSOLUTE: Readonly<Record<string, number>> = { "round robin": 60, random: 60, maglev: 100 };

function barOf(name: string): Bar {
  const max = ABSOLUTE[name];
  return max === undefined ? ratio(3) : absolute(max);
}

const pickRows = POLICIES.flatMap((row) =>
  SIZES.map(
    (count): OperationRow => ({
      kind: "operation",
      name: `lb pick, ${row.name}, ${count.toLocaleString("en")} hosts`,
      perCall: PICKS,
      ours: { name: "weftmesh", prepare: () => picks(row.weights(count), row.policy(), row.hashed) },
      against: [
        {
          name: "prototype",
          prepare: () => row.prototype(count),
          bar: barOf(row.name),
        },
      ],
    }),
  ),
);

const growthRows = POLICIES.map(
  (row): OperationRow => ({
    kind: "operation",
    name: `lb growth, ${row.name}, 10,000 hosts against 10`,
    perCall: PICKS,
    ours: { name: "10,000 hosts", prepare: () => picks(row.weights(10_000), row.policy(), row.hashed) },
    against: [
      {
        name: "10 hosts",
        prepare: () => picks(row.weights(10), row.policy(), row.hashed),
        bar: ratio(row.name.includes("EDF") ? 3 : 1.5),
      },
    ],
  }),
);

interface GrpcEntry {
  deadline: number;
  readonly period: number;
}

/** grpc-js' weighted pick: its picker is not exported, so its own queue is used here as the picker uses it. */
function grpcWeightedPick(count: number): Operation {
  const require = createRequire(import.meta.url);
  const { PriorityQueue } = require("@grpc/grpc-js/build/src/priority-queue.js") as {
    PriorityQueue: new (
      before: (a: GrpcEntry, b: GrpcEntry) => boolean,
    ) => { push(e: GrpcEntry): void; pop(): GrpcEntry };
  };
  const queue = new PriorityQueue((a, b) => a.deadline < b.deadline);
  for (const weight of mixed(count)) queue.push({ period: 1 / weight, deadline: Math.random() / weight });
  const subchannel = { getWrappedSubchannel: () => subchannel };
  const childPick = { pickResultType: 0, subchannel, status: null, onCallStarted: null, onCallEnded: null };
  const child = { pick: () => ({ ...childPick }) };
  return () => {
    let last: unknown;
    for (let i = 0; i < PICKS; i++) {
      const entry = queue.pop();
      queue.push(Object.assign(Object.assign({}, entry), { deadline: entry.deadline + entry.period }));
      const picked = child.pick();
      last = Object.assign(Object.assign({}, picked), { subchannel: picked.subchannel.getWrappedSubchannel() });
    }
    return last;
  };
}

const grpcRows = [1000, 10_000].map(
  (count): OperationRow => ({
    kind: "operation",
    name: `lb weighted pick, ${count.toLocaleString("en")} hosts, against grpc-js`,
    perCall: PICKS,
    ours: { name: "weftmesh", prepare: () => picks(mixed(count), roundRobin()) },
    against: [{ name: "grpc-js", prepare: () => grpcWeightedPick(count), bar: ratio(0.1) }],
  }),
);

const skewRow: OperationRow = {
  kind: "operation",
  name: "lb weighted pick, one of 1,000 hosts weighs 1,000 times the others",
  perCall: PICKS,
  ours: { name: "skewed", prepare: () => picks(skewed(1000), roundRobin()) },
  against: [{ name: "mixed weights", prepare: () => picks(mixed(1000), roundRobin()), bar: ratio(1.5) }],
};

/** Choose, admit, count and give back. */
const pipelineRow: OperationRow = {
  kind: "operation",
  name: "lb pick and done, whole pipeline, 1,000 hosts",
  perCall: PICKS,
  ours: {
    name: "weftmesh",
    prepare: () => {
      const cluster = createCluster(
        { hosts: plainHosts(equal(1000)), policy: leastRequest(), outlierDetection: {} },
        DEPS,
      );
      const ok = { result: "response", status: 200 } as const;
      return () => {
        for (let i = 0; i < PICKS; i++) {
          const pick = cluster.pick();
          if (pick.kind === "host") pick.done(ok);
        }
      };
    },
  },
  against: [
    { name: "two choices", prepare: () => plain(plainTwoChoices(plainHosts(equal(1000)))), bar: absolute(400) },
  ],
};

const DELTAS: readonly { readonly name: string; readonly policy: () => Policy; readonly weights: typeof equal }[] = [
  { name: "round robin", policy: roundRobin, weights: equal },
  { name: "least request", policy: leastRequest, weights: equal },
  { name: "random", policy: random, weights: equal },
  { name: "weighted round robin", policy: roundRobin, weights: mixed },
];

/** One host turns unhealthy or healthy again. The schedule of a weighted policy is built by the pick that needs it. */
const flipRows = DELTAS.map(
  ({ name, policy, weights }): OperationRow => ({
    kind: "operation",
    name: `lb health flip, ${name}, 10,000 hosts`,
    ours: {
      name: "weftmesh",
      prepare: () => {
        const cluster = clusterOf(weights(10_000), policy());
        const { address } = plainHosts(equal(5001))[5000] as PlainHost;
        let healthy = true;
        return () => {
          healthy = !healthy;
          cluster.update({ change: [{ address, health: healthy ? "HEALTHY" : "UNHEALTHY" }] });
        };
      },
    },
    against: [
      {
        name: "filter of all hosts",
        prepare: () => {
          const hosts = plainHosts(equal(10_000));
          return () => hosts.filter((host) => host.active === 0);
        },
        bar: absolute(100_000),
      },
    ],
  }),
);

const KEYS = 1000;

const buildRows: readonly OperationRow[] = [
  {
    kind: "operation",
    name: "lb maglev table of 65,537 slots, 1,000 hosts",
    ours: { name: "weftmesh", prepare: () => () => createMaglevTable(keyed()) },
    against: [
      { name: "plain table", prepare: () => () => plainTable(plainHosts(equal(KEYS)), 65537), bar: absolute(15e6) },
    ],
  },
  {
    kind: "operation",
    name: "lb ring of 64k entries, 1,000 hosts",
    ours: { name: "weftmesh", prepare: () => () => createHashRing(keyed(), { minimumRingSize: 65536 }) },
    against: [
      { name: "random ring", prepare: () => () => plainRing(plainHosts(equal(KEYS)), 65536), bar: absolute(40e6) },
    ],
  },
];

function keyed() {
  return plainHosts(equal(KEYS)).map(({ address }) => ({ key: address, weight: 1 / KEYS }));
}

export const rows: readonly Row[] = [
  ...pickRows,
  ...growthRows,
  ...grpcRows,
  skewRow,
  pipelineRow,
  ...flipRows,
  ...buildRows,
];
