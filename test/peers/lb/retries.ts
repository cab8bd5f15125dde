/** Attempts after the first: the same hosts in the same order, or in the same shares. */
import { type Host, hashRequest, type PickContext, previousHosts, previousPriorities } from "@weftmesh/lb";
import { seededRandom } from "@weftmesh/lb/testing";
import type { Checks } from "../xds/check.js";
import { compareSamples } from "./chi-square.js";
import { assignmentOf, type GroupSpec, hostsOf } from "./endpoints.js";
import { clusterOf, optionsOf } from "./ours.js";
import { type Json, type RigRequest, startRig } from "./rig.js";

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";
const ATTEMPTS = 5;
const CONNECTIONS = 4;
const LEAST_P = 1e-6;

interface Scenario {
  readonly name: string;
  readonly cluster: Json;
  readonly groups: readonly GroupSpec[];
  /** The retry policy of routes, without the number of retries. */
  readonly retry?: Json;
  /** What ours does for it. */
  readonly context?: PickContext;
  /** The headers of a request with this number. */
  readonly headers?: (index: number) => Readonly<Record<string, string>>;
  /** Whether the key decides all. Otherwise shares are compared. */
  readonly exact: boolean;
}

const PREVIOUS_HOSTS = {
  retry_host_predicate: [
    {
      name: "envoy.retry_host_predicates.previous_hosts",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
      },
    },
  ],
};

function previousPrioritiesEvery(update_frequency: number): Json {
  const type = "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
  return {
    retry_priority: {
      name: "envoy.retry_priorities.previous_priorities",
      typed_config: { "@type": type, update_frequency },
    },
  };
}

const flat: readonly GroupSpec[] = [{ hosts: hostsOf(61, 7, (i) => ({ weight: 1 + (i % 3) })) }];
const levels: readonly GroupSpec[] = [
  { hosts: hostsOf(62, 4) },
  { priority: 1, hosts: hostsOf(63, 3) },
  { priority: 2, hosts: hostsOf(64, 2) },
];
const halfHealthy: readonly GroupSpec[] = [
  { hosts: hostsOf(62, 4, (i) => (i < 2 ? { health: "UNHEALTHY" } : {})) },
  { priority: 1, hosts: hostsOf(63, 3, (i) => (i === 0 ? { health: "DEGRADED" } : {})) },
  { priority: 2, hosts: hostsOf(64, 2) },
];
const ring = { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: 64 } };
const maglev = { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 251 } };
const redrawn = { ...PREVIOUS_HOSTS, host_selection_retry_max_attempts: 3 };
const redraw: PickContext = { hostPredicates: [previousHosts], hostSelectionRetryMaxAttempts: 3 };

const named = (hosts: readonly GroupSpec[], index: number): Readonly<Record<string, string>> => {
  const all = hosts.flatMap((group) => group.hosts.map((host) => `${host.address}:1`));
  const at = (step: number): string => all[(index * step + step) % all.length] ?? "";
  const lists = [`${at(1)},${at(3)}`, `9.9.9.9:1, ${at(2)}`, " ,", `${at(1)},${at(1)},${at(5)}`];
  return { "x-first": lists[index % 4] ?? "", ...(index % 3 > 0 && { "x-second": lists[(index + 1) % 4] ?? "" }) };
};

const override: Json = {
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: "o",
          typed_config: {
            "@type": `${POLICIES}.override_host.v3.OverrideHost`,
            override_host_sources: [{ header: "x-first" }, { header: "X-Second" }],
            fallback_policy: {
              policies: [
                { typed_extension_config: { name: "m", typed_config: { "@type": `${POLICIES}.maglev.v3.Maglev` } } },
              ],
            },
          },
        },
      },
    ],
  },
};

const SCENARIOS: readonly Scenario[] = [
  { name: "a ring without a predicate", cluster: ring, groups: flat, exact: true },
  { name: "a ring past hosts tried before", cluster: ring, groups: flat, retry: redrawn, context: redraw, exact: true },
  {
    name: "a table past hosts tried before",
    cluster: maglev,
    groups: flat,
    retry: redrawn,
    context: redraw,
    exact: true,
  },
  {
    name: "a table past hosts tried before, with one redraw",
    cluster: maglev,
    groups: flat,
    retry: PREVIOUS_HOSTS,
    context: { hostPredicates: [previousHosts] },
    exact: true,
  },
  {
    name: "a table, priorities tried before",
    cluster: maglev,
    groups: levels,
    retry: previousPrioritiesEvery(1),
    context: { retryPriority: previousPriorities(1) },
    exact: true,
  },
  {
    name: "hosts that headers name, then a table",
    cluster: override,
    groups: flat,
    headers: (i) => named(flat, i),
    exact: true,
  },
  ...[1, 2, 3].map(
    (every): Scenario => ({
      name: `priorities tried before, every ${every}`,
      // Rotations of several priorities would march in step with the attempts.
      cluster: { lb_policy: "LEAST_REQUEST" },
      groups: halfHealthy,
      retry: previousPrioritiesEvery(every),
      context: { retryPriority: previousPriorities(every) },
      exact: false,
    }),
  ),
  {
    name: "random, past hosts tried before",
    cluster: { lb_policy: "RANDOM" },
    groups: [{ hosts: hostsOf(61, 4) }],
    retry: redrawn,
    context: redraw,
    exact: false,
  },
];

/** Compares the hosts of {@link SCENARIOS} attempt by attempt. Every attempt fails: nobody listens. */
export async function compareRetries(checks: Checks, count: number, seed: number): Promise<void> {
  const clusters = SCENARIOS.map(({ cluster, groups }, index): Json => {
    const load_assignment = { ...assignmentOf(groups), cluster_name: `t${index}` };
    // One attempt each way: a breaker must not decide.
    const circuit_breakers = { thresholds: [{ max_retries: 1000 }] };
    return { name: `t${index}`, type: "STATIC", load_assignment, circuit_breakers, ...cluster };
  });
  const routes = Object.fromEntries(
    SCENARIOS.flatMap(({ retry }, index) =>
      Array.from({ length: ATTEMPTS }, (_, num_retries) => {
        const retry_back_off = { base_interval: "0.001s", max_interval: "0.001s" };
        return [
          `t${index}-${num_retries}`,
          { retry_policy: { retry_on: "connect-failure", num_retries, retry_back_off, ...retry } },
        ];
      }),
    ),
  );
  await using rig = await startRig({ clusters, routes });
  for (const [index, scenario] of SCENARIOS.entries()) {
    const ours = clusterOf(optionsOf(clusters[index] as Json), seededRandom(seed + index));
    const keys = Array.from({ length: scenario.exact ? Math.ceil(count / 5) : count }, (_, i) => `k${i}`);
    const theirs = new Map<string, number>();
    const own = new Map<string, number>();
    const different: string[] = [];
    for (let retries = 0; retries < ATTEMPTS; retries++) {
      const requests = keys.map((key, i): RigRequest => {
        const headers = Object.entries(scenario.headers?.(i) ?? {});
        return { cluster: `t${index}`, key, match: `t${index}-${retries}`, headers };
      });
      const seen = await rig.picks(requests, CONNECTIONS);
      for (const [i, key] of keys.entries()) {
        const host = lastAttempt(ours, scenario, key, i, retries);
        if (host !== seen[i]) different.push(`${key}, attempt ${retries}: ${host}, Envoy ${seen[i]}`);
        add(theirs, `${retries} ${seen[i]}`);
        add(own, `${retries} ${host}`);
      }
    }
    const { p } = compareSamples(theirs, own);
    const held = scenario.exact ? different.length === 0 : p > LEAST_P;
    const text = (counts: Map<string, number>): string => JSON.stringify(Object.fromEntries([...counts].sort()));
    const wrong = scenario.exact
      ? `${different.length} differ, ${different[0]}`
      : `Envoy ${text(theirs)}; ours ${text(own)}`;
    const figures = scenario.exact ? "" : `, p ${p.toPrecision(2)}`;
    checks.hold(`retries: ${scenario.name}`, held, held ? `${keys.length * ATTEMPTS} requests${figures}` : wrong);
  }
}

function lastAttempt(
  ours: ReturnType<typeof clusterOf>,
  { context, headers }: Scenario,
  key: string,
  index: number,
  retries: number,
): string {
  const hash = hashRequest([{ kind: "header", name: "x-key" }], { header: () => [key] });
  const sent = headers?.(index) ?? {};
  const attempted: Host[] = [];
  let last = "-";
  for (let attempt = 0; attempt <= retries; attempt++) {
    const picked = ours.pick({ ...context, hash, attempted, header: (name) => sent[name] });
    if (picked.kind === "none") return "-";
    picked.done({ result: "aborted" });
    attempted.push(picked.host);
    last = picked.host.address;
  }
  return last;
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
