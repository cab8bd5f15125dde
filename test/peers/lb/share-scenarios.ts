/** Clusters whose hosts get shares that health, priorities, localities and subsets decide. */
import { assignmentOf, type GroupSpec, hostsOf } from "./endpoints.js";
import type { Json } from "./rig.js";

/** One cluster and what is asked of it. */
export interface ShareScenario {
  readonly name: string;
  readonly cluster: Json;
  readonly assignment: Json;
  /** Metadata matches of the requests, in equal parts. Default: requests without one. */
  readonly matches?: readonly Json[];
}

const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";

/** A locality whose first `bad` of `count` hosts have another health. */
export function group(
  net: number,
  count: number,
  bad: number,
  health: string,
  more: Partial<GroupSpec> = {},
): GroupSpec {
  return { ...more, hosts: hostsOf(net, count, (index) => (index < bad ? { health } : {})) };
}

function priorities(...counts: readonly (readonly [count: number, bad: number, health?: string])[]): GroupSpec[] {
  return counts.map(([count, bad, health = "UNHEALTHY"], priority) =>
    group(30 + priority, count, bad, health, { priority }),
  );
}

const HEALTH = ["HEALTHY", "DEGRADED", "UNHEALTHY", "DRAINING", "TIMEOUT", "UNKNOWN"] as const;

const factor = (overprovisioning_factor: number): Json => ({ overprovisioning_factor });
const panic = (value: number): Json => ({ common_lb_config: { healthy_panic_threshold: { value } } });
const localityWeighted = { common_lb_config: { locality_weighted_lb_config: {} } };

/** A cluster with these hosts. */
export function scenario(name: string, groups: readonly GroupSpec[], cluster: Json = {}, policy?: Json): ShareScenario {
  return { name, cluster, assignment: assignmentOf(groups, policy) };
}

const health: readonly ShareScenario[] = [
  scenario("a priority with 60 % of its hosts keeps 84 %", priorities([10, 4], [5, 0])),
  scenario("three priorities with a little each", priorities([10, 8], [10, 7], [10, 5])),
  scenario("without overprovisioning", priorities([10, 3], [5, 0]), {}, factor(100)),
  scenario("overprovisioned by half again", priorities([9, 4], [5, 0]), {}, factor(150)),
  scenario("degraded hosts take what healthy ones cannot", [
    group(30, 10, 7, "DEGRADED"),
    group(31, 4, 2, "UNHEALTHY", { priority: 1 }),
  ]),
  scenario("draining hosts leave the denominators", priorities([10, 6, "DRAINING"], [5, 0])),
  scenario(
    "health by weight",
    [
      { hosts: hostsOf(30, 4, (i) => ({ weight: i + 1, ...(i === 3 && { health: "UNHEALTHY" }) })) },
      { priority: 1, hosts: hostsOf(31, 3) },
    ],
    {},
    { weighted_priority_health: true },
  ),
  scenario("one priority in panic, the other too small for the rest", priorities([10, 7], [10, 8])),
  scenario("every priority in panic", priorities([12, 11], [4, 4], [6, 5])),
  scenario("a single priority in panic", priorities([10, 6])),
  scenario("no panic at threshold 0", priorities([10, 9], [10, 10]), panic(0)),
  scenario("nobody is healthy and panic is off", priorities([5, 5]), panic(0)),
  scenario("hash of no header: random, over two priorities", priorities([10, 5], [8, 0]), { lb_policy: "RING_HASH" }),
  scenario("maglev of no header: random, in panic", priorities([10, 6]), { lb_policy: "MAGLEV" }),
  scenario("least request over two priorities", priorities([10, 5], [8, 0]), { lb_policy: "LEAST_REQUEST" }),
  scenario("a gap between priorities", [
    group(30, 4, 3, "TIMEOUT"),
    group(31, 3, 1, "DEGRADED", { priority: 3 }),
    group(32, 2, 0, "HEALTHY", { priority: 7 }),
  ]),
  scenario("every kind of health in two priorities", [
    { hosts: hostsOf(30, 12, (i) => ({ health: HEALTH[i % HEALTH.length] as string })) },
    { priority: 1, hosts: hostsOf(31, 6, (i) => ({ health: HEALTH[i] as string })) },
  ]),
  scenario("nobody but degraded hosts", [group(30, 5, 5, "DEGRADED"), group(31, 3, 3, "DRAINING", { priority: 1 })]),
  scenario("hash of no header: a ring without healthy hosts", priorities([4, 4, "DEGRADED"], [3, 1]), {
    lb_policy: "RING_HASH",
  }),
  scenario("random in one priority", priorities([7, 1]), { lb_policy: "RANDOM" }),
  scenario(
    "one request in four is dropped",
    priorities([4, 0]),
    {},
    {
      drop_overloads: [{ category: "throttle", drop_percentage: { numerator: 25, denominator: "HUNDRED" } }],
    },
  ),
];

const localities: readonly ShareScenario[] = [
  scenario(
    "weights of localities",
    [
      group(30, 4, 0, "HEALTHY", { zone: "a", weight: 1 }),
      group(31, 2, 0, "HEALTHY", { zone: "b", weight: 3 }),
      group(32, 3, 0, "HEALTHY", { zone: "c" }),
    ],
    localityWeighted,
  ),
  scenario(
    "weights of localities, half of one unhealthy",
    [
      group(30, 4, 2, "UNHEALTHY", { zone: "a", weight: 2 }),
      group(31, 5, 2, "UNHEALTHY", { zone: "b", weight: 3 }),
      group(32, 3, 0, "HEALTHY", { zone: "c", weight: 1 }),
    ],
    localityWeighted,
  ),
  scenario(
    "weights of localities with degraded hosts and a second priority",
    [
      group(30, 6, 4, "DEGRADED", { zone: "a", weight: 2 }),
      group(31, 6, 3, "DEGRADED", { zone: "b", weight: 1 }),
      group(32, 4, 3, "UNHEALTHY", { zone: "a", weight: 1, priority: 1 }),
      group(33, 4, 2, "UNHEALTHY", { zone: "b", weight: 4, priority: 1 }),
    ],
    localityWeighted,
  ),
  scenario(
    "wrr_locality over weighted hosts",
    [
      { zone: "a", weight: 2, hosts: hostsOf(30, 3, (i) => ({ weight: i + 1 })) },
      { zone: "b", weight: 5, hosts: hostsOf(31, 2) },
    ],
    {
      load_balancing_policy: {
        policies: [
          extension("wrr_locality.v3.WrrLocality", {
            endpoint_picking_policy: {
              policies: [extension("client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin", {})],
            },
          }),
        ],
      },
    },
  ),
];

/** An entry of a list of policies. */
export function extension(type: string, config: Json): Json {
  return { typed_extension_config: { name: type, typed_config: { "@type": `${POLICIES}.${type}`, ...config } } };
}

const VERSIONS = ["v1", "v2", "v3"] as const;

/** Ten hosts with a version, a stage and a list; two of them unhealthy, three in a second priority. */
const subsetGroups: readonly GroupSpec[] = [0, 1].map((priority) => ({
  priority,
  hosts: hostsOf(30 + priority, priority === 0 ? 7 : 3, (index) => ({
    ...((index === 1 || index === 5) && priority === 0 && { health: "UNHEALTHY" }),
    metadata: {
      version: VERSIONS[index % 3],
      stage: index % 2 === 0 ? "prod" : "canary",
      // Several hosts share one; the first of "b" is unhealthy.
      id: "abc"[index % 3],
      tags: index < 2 ? ["blue", "green"] : "blue",
    },
  })),
}));

const subsetMatches: readonly Json[] = [
  {},
  { version: "v1" },
  { version: "v2" },
  { version: "v9" },
  { version: "v1", stage: "prod" },
  { version: "v2", stage: "none" },
  { stage: "canary" },
  { tags: "green" },
  { version: "v3", stage: "prod", more: 1 },
];

const versionAndStage = [{ keys: ["version"] }, { keys: ["version", "stage"] }, { keys: ["tags"] }];

function subsets(name: string, lb_subset_config: Json, matches = subsetMatches): ShareScenario {
  const cluster = { lb_subset_config: { subset_selectors: versionAndStage, ...lb_subset_config } };
  return { name: `subsets, ${name}`, cluster, assignment: assignmentOf(subsetGroups), matches };
}

const subsetScenarios: readonly ShareScenario[] = [
  subsets("no fallback", {}),
  subsets("falling back to any host", { fallback_policy: "ANY_ENDPOINT" }),
  subsets("falling back to the default subset", {
    fallback_policy: "DEFAULT_SUBSET",
    default_subset: { stage: "prod" },
  }),
  {
    ...subsets("with redundant keys and lists", {}),
    cluster: {
      load_balancing_policy: {
        policies: [
          extension("subset.v3.Subset", {
            subset_selectors: versionAndStage,
            allow_redundant_keys: true,
            list_as_any: true,
            subset_lb_policy: { policies: [extension("round_robin.v3.RoundRobin", {})] },
          }),
        ],
      },
    },
  },
  subsets("falling back by selector", {
    fallback_policy: "ANY_ENDPOINT",
    subset_selectors: [
      { keys: ["version", "stage"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["version"] },
      { keys: ["version"], fallback_policy: "DEFAULT_SUBSET" },
      { keys: ["stage"], fallback_policy: "NO_FALLBACK" },
    ],
    default_subset: { version: "v3" },
  }),
  subsets("panic to any host", {
    fallback_policy: "DEFAULT_SUBSET",
    default_subset: { version: "v9" },
    panic_mode_any: true,
  }),
  subsets("fallback list", { metadata_fallback_policy: "FALLBACK_LIST" }, [
    { fallback_list: [{ version: "v9" }, { version: "v2" }] },
    { version: "v1", fallback_list: [{ stage: "none" }, {}] },
  ]),
  subsets(
    "one host each",
    {
      subset_selectors: [{ keys: ["id"], single_host_per_subset: true }],
      fallback_policy: "ANY_ENDPOINT",
    },
    [{ id: "a" }, { id: "b" }, { id: "z" }, { version: "v1" }],
  ),
  subsets(
    "falling back to fewer and fewer keys",
    {
      subset_selectors: [
        {
          keys: ["id", "stage", "version"],
          fallback_policy: "KEYS_SUBSET",
          fallback_keys_subset: ["stage", "version"],
        },
        { keys: ["stage", "version"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["stage"] },
        { keys: ["id", "stage"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["id"] },
        { keys: ["stage"], fallback_policy: "DEFAULT_SUBSET" },
      ],
      default_subset: { version: "v2" },
      fallback_policy: "ANY_ENDPOINT",
    },
    [
      { id: "a", stage: "prod", version: "v1" },
      { id: "z", stage: "prod", version: "v1" },
      { id: "z", stage: "canary", version: "v9" },
      { id: "z", stage: "none", version: "v9" },
      // No selector has the key alone that this one falls back to.
      { id: "z", stage: "prod" },
    ],
  ),
  ...[false, true].map((scale_locality_weight): ShareScenario => {
    const groups = [5, 3, 4].map((count, zone): GroupSpec => {
      const hosts = hostsOf(33 + zone, count, (i) => ({ metadata: { version: VERSIONS[(i * i + zone) % 3] } }));
      return { zone: "abc"[zone] as string, weight: 2 * zone + 1, hosts };
    });
    const lb_subset_config = {
      subset_selectors: [{ keys: ["version"] }],
      fallback_policy: "ANY_ENDPOINT",
      locality_weight_aware: true,
      scale_locality_weight,
    };
    return {
      name: `subsets, with weights of localities${scale_locality_weight ? ", scaled" : ""}`,
      cluster: { ...localityWeighted, lb_subset_config },
      assignment: assignmentOf(groups),
      matches: [{ version: "v1" }, { version: "v2" }, { version: "v3" }, { version: "v9" }],
    };
  }),
];

/** Clusters for a caller anywhere. */
export const shareScenarios: readonly ShareScenario[] = [...health, ...localities, ...subsetScenarios];
