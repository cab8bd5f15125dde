/** Balancers against the plainest code for each job, and against grpc-js' weighted pick. */
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
} from "@weftmesh/lb";
import { lostAfterOutage } from "./lb/balanced-pool.js";
import { anewRows, deltaRows } from "./lb/changes.js";
import { absolute, clusterOf, DEPS, different, equal, mixed, ratio, skewed } from "./lb/clusters.js";
import { grpcWeightedPick } from "./lb/grpc-js.js";
import {
  buildPlainRing,
  buildPlainTable,
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
import type { MeasurementRow, Operation, OperationRow, Row } from "./row.js";

const SIZES = [10, 1000, 10_000] as const;
const PICKS = 1000;

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
  if (!hashed) {
    const context: PickContext = {};
    return () => {
      let last: unknown;
      for (let i = 0; i < PICKS; i++) last = balancer.choose(context);
      return last;
    };
  }
  const contexts = hashContexts();
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

function plainHashed(pick: (hi: number, lo: number) => PlainHost): Operation {
  const hashes = Uint32Array.from({ length: 8192 }, () => Math.floor(Math.random() * 2 ** 32));
  let turn = 0;
  return plain(() => {
    turn = (turn + 2) % hashes.length;
    return pick(hashes[turn] as number, hashes[turn + 1] as number);
  });
}

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
    name: "weighted least request",
    policy: leastRequest,
    weights: mixed,
    prototype: (n) => plain(plainHeap(plainHosts(mixed(n)))),
  },
  {
    name: "weighted round robin (EDF)",
    policy: roundRobin,
    weights: mixed,
    prototype: (n) => plain(plainHeap(plainHosts(mixed(n)))),
  },
  {
    name: "weighted round robin (EDF), no two weights alike",
    policy: roundRobin,
    weights: different,
    prototype: (n) => plain(plainHeap(plainHosts(different(n)))),
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
          bar: ratio(3),
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
        bar: ratio(row.name.startsWith("weighted") ? 3 : 1.5),
      },
    ],
  }),
);

const grpcRows = [1000, 10_000].map(
  (count): OperationRow => ({
    kind: "operation",
    name: `lb weighted pick, ${count.toLocaleString("en")} hosts, against grpc-js`,
    perCall: PICKS,
    ours: { name: "weftmesh", prepare: () => picks(mixed(count), roundRobin()) },
    against: [{ name: "grpc-js", prepare: () => grpcWeightedPick(mixed(count), PICKS), bar: ratio(0.1) }],
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

const KEYS = Array.from({ length: 10_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}:80`);
const ENTRIES = KEYS.map((key) => ({ key, weight: 1 / KEYS.length }));

const buildRows: readonly OperationRow[] = [
  {
    kind: "operation",
    name: "lb maglev table of 65,537 slots, 10,000 hosts",
    ours: { name: "weftmesh", prepare: () => () => createMaglevTable(ENTRIES) },
    against: [{ name: "plain table", prepare: () => () => buildPlainTable(KEYS, 65537), bar: ratio(3) }],
  },
  {
    kind: "operation",
    name: "lb ring of 64k entries, 10,000 hosts",
    ours: { name: "weftmesh", prepare: () => () => createHashRing(ENTRIES, { minimumRingSize: 65536 }) },
    against: [{ name: "plain ring", prepare: () => () => buildPlainRing(KEYS, 65536), bar: ratio(3) }],
  },
];

/** undici issue 4839; a host that is back takes every request that finds it, at once or on its retry. */
const outageRow: MeasurementRow = {
  kind: "measurement",
  name: "lb requests lost after an outage although one of 2 hosts is back",
  unit: "%",
  better: "lower",
  ours: { name: "weftmesh", prepare: () => lostAfterOutage("weftmesh") },
  against: [{ name: "undici BalancedPool", prepare: () => lostAfterOutage("BalancedPool"), bar: absolute(0) }],
};

export const rows: readonly Row[] = [
  ...pickRows,
  ...growthRows,
  ...grpcRows,
  skewRow,
  pipelineRow,
  ...deltaRows,
  ...anewRows,
  ...buildRows,
  outageRow,
];
