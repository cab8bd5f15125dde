/** One host of 10,000 changes, and the next pick brings the policy's columns and schedule up to date. */
import { type HostDelta, leastRequest, type Policy, random, roundRobin } from "@weftmesh/lb";
import type { OperationRow } from "../row.js";
import { absolute, clusterOf, different, equal, mixed, ratio } from "./clusters.js";
import { type PlainHost, plainHeap, plainHosts } from "./prototypes.js";

const DELTAS: readonly { readonly name: string; readonly policy: () => Policy; readonly weights: typeof equal }[] = [
  { name: "round robin", policy: roundRobin, weights: equal },
  { name: "least request", policy: leastRequest, weights: equal },
  { name: "random", policy: random, weights: equal },
  { name: "weighted round robin", policy: roundRobin, weights: mixed },
];

const EXTRA = "10.255.0.1:80";

/** What may happen to one host of many; `turn` is odd and even by turns. */
const CHANGES: readonly { readonly name: string; readonly delta: (address: string, odd: boolean) => HostDelta }[] = [
  {
    name: "health flip",
    delta: (address, odd) => ({ change: [{ address, health: odd ? "UNHEALTHY" : "HEALTHY" }] }),
  },
  {
    name: "host added or removed",
    delta: (_, odd) => (odd ? { add: [{ hosts: [{ address: EXTRA }] }] } : { remove: [EXTRA] }),
  },
  { name: "weight change", delta: (address, odd) => ({ change: [{ address, weight: odd ? 2 : 1 }] }) },
];

/** One host of 10,000 changes, and the next pick, which brings the policy's columns and schedule up to date. */
function changes(weights: readonly number[], policy: Policy, delta: (address: string, odd: boolean) => HostDelta) {
  const cluster = clusterOf(weights, policy);
  const { address } = plainHosts(equal(5001))[5000] as PlainHost;
  let odd = false;
  return () => {
    odd = !odd;
    cluster.update(delta(address, odd));
    const pick = cluster.pick();
    if (pick.kind === "host") pick.done({ result: "response", status: 200 });
  };
}

export const deltaRows: readonly OperationRow[] = CHANGES.flatMap(({ name: change, delta }) =>
  DELTAS.filter(({ name }) => change !== "weight change" || name !== "least request").map(
    ({ name, policy, weights }): OperationRow => ({
      kind: "operation",
      name: `lb ${change} and next pick, ${name}, 10,000 hosts`,
      ours: { name: "weftmesh", prepare: () => changes(weights(10_000), policy(), delta) },
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
  ),
);

/** Schedules that have to be made anew from all hosts: by load, or because no two weigh alike. */
export const anewRows: readonly OperationRow[] = [
  { name: "weighted least request", policy: leastRequest, weights: mixed },
  { name: "no two weights alike", policy: roundRobin, weights: different },
].map(
  ({ name, policy, weights }): OperationRow => ({
    kind: "operation",
    name: `lb weight change and next pick, ${name}, 10,000 hosts`,
    ours: {
      name: "weftmesh",
      prepare: () =>
        changes(weights(10_000), policy(), (address, odd) => ({ change: [{ address, weight: odd ? 2 : 1 }] })),
    },
    against: [
      {
        name: "a heap made anew",
        prepare: () => {
          const hosts = plainHosts(weights(10_000));
          return () => plainHeap(hosts);
        },
        bar: ratio(3),
      },
    ],
  }),
);
