/** Whatever is given in place of options, the answer is an LbError with places, or a cluster that picks. */
import * as lb from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const deps = () => ({ clock: manualScheduler(), random: seededRandom(1) });

/** Runs it; what it throws must be an LbError with a path and a sentence for each issue. */
function issuesOf(run: () => unknown): readonly lb.Issue[] {
  try {
    run();
    return [];
  } catch (error) {
    if (!(error instanceof lb.LbError)) throw error;
    for (const { path, message, code } of error.issues) {
      expect(path).not.toBe("");
      expect(message.length).toBeGreaterThan(5);
      expect(code).toMatch(/^ERR_LB_/);
    }
    return error.issues;
  }
}

const pathsOf = (run: () => unknown): string[] => issuesOf(run).map(({ path }) => path);

describe("createCluster", () => {
  test.each<{ name: string; options: unknown; paths: readonly string[] }>([
    { name: "nothing", options: null, paths: ["cluster"] },
    { name: "a list", options: [], paths: ["cluster"] },
    { name: "hosts that are a text", options: { hosts: "a:1" }, paths: ["endpoints[0].lb_endpoints"] },
    {
      name: "hosts that are none",
      options: { hosts: [null, 7, {}, "a:1"] },
      paths: [
        "endpoints[0].lb_endpoints[0]",
        "endpoints[0].lb_endpoints[1]",
        "endpoints[0].lb_endpoints[2].endpoint.address",
      ],
    },
    { name: "endpoints that are none", options: { endpoints: {} }, paths: ["load_assignment.endpoints"] },
    {
      name: "groups that are none",
      options: { endpoints: [null, { hosts: [], locality: "a" }, {}] },
      paths: ["endpoints[0]", "endpoints[1].locality", "endpoints[2].lb_endpoints"],
    },
    {
      name: "metadata that is none",
      options: { hosts: [{ address: "a:1", metadata: [] }] },
      paths: ["endpoints[0].lb_endpoints[0].metadata"],
    },
    {
      name: "options and hosts at once",
      options: {
        name: 7,
        healthyPanicThreshold: "50",
        outlierDetection: { intervalMs: Number.NaN, mode: "istio", probation: [], alwaysEjectOneHost: "yes" },
        circuitBreakers: [null, { priority: "LOW", maxRequests: 1.5, retryBudget: { kind: "tps" } }],
        healthCheck: { timeoutMs: 1000 },
        dropOverloads: {},
        policy: "round_robin",
        onEvent: "log",
        local: {},
        hosts: [{ address: "a:1", weight: "3" }],
      },
      paths: [
        "name",
        "common_lb_config.healthy_panic_threshold",
        "onEvent",
        "load_assignment.policy.drop_overloads",
        "circuit_breakers.thresholds[0]",
        "circuit_breakers.thresholds[1].priority",
        "circuit_breakers.thresholds[1].max_requests",
        "circuit_breakers.thresholds[1].retry_budget.kind",
        "health_checks[0].interval",
        "health_checks[0].healthy_threshold",
        "health_checks[0].unhealthy_threshold",
        "outlier_detection.interval",
        "outlier_detection.always_eject_one_host",
        "outlier_detection.mode",
        "outlier_detection.probation",
        "load_balancing_policy",
        "local.locality",
        "endpoints[0].lb_endpoints[0].load_balancing_weight",
      ],
    },
  ])("refuses $name, with every place at once", ({ options, paths }) => {
    const create = () => lb.createCluster(options as lb.ClusterOptions, deps());
    expect(pathsOf(create).toSorted()).toEqual(paths.toSorted());
  });

  test("says what it needs from outside", () => {
    for (const given of [undefined, {}, { clock: {}, random: 4 }]) {
      expect(pathsOf(() => lb.createCluster({}, given as never))).toEqual(["clock", "random"]);
    }
  });

  test("a hundred thousand hosts, and one of them twice, are no trouble", () => {
    const hosts = Array.from({ length: 100_000 }, (_, index) => `h${index % 99_999}:1`);
    const cluster = lb.createCluster({ hosts }, deps());
    expect(cluster.stats()["membership_total"]).toBe(99_999);
    expect(cluster.pick().kind).toBe("host");
  });
});

describe("update", () => {
  test.each<{ name: string; delta: unknown; paths: readonly string[] }>([
    { name: "nothing", delta: null, paths: ["delta"] },
    {
      name: "lists that are none",
      delta: { add: {}, remove: "a:1", change: 7 },
      paths: ["endpoints", "remove", "change"],
    },
    {
      name: "changes that are none",
      delta: { change: [null, { address: "a:1", health: 7 }] },
      paths: ["change[0]", "change[1].health"],
    },
  ])("refuses $name, and changes nothing", ({ delta, paths }) => {
    const cluster = lb.createCluster({ hosts: ["a:1"] }, deps());
    expect(pathsOf(() => cluster.update(delta as lb.HostDelta))).toEqual(paths);
    expect(cluster.stats()["membership_total"]).toBe(1);
  });
});

/** Every policy, by what makes it. */
const POLICIES: Readonly<Record<string, (options: never) => lb.Policy>> = {
  clientSideWeightedRoundRobin: lb.clientSideWeightedRoundRobin,
  leastRequest: lb.leastRequest,
  maglev: lb.maglev,
  originalDestination: lb.originalDestination,
  overrideHost: lb.overrideHost,
  peakEwma: lb.peakEwma,
  random: lb.random,
  randomSubsetting: lb.randomSubsetting,
  ringHash: lb.ringHash,
  roundRobin: lb.roundRobin,
  staticStride: lb.staticStride,
  subset: lb.subset,
};

describe("policies", () => {
  test.each(Object.keys(POLICIES))("%s refuses what is no mapping", (name) => {
    for (const options of [null, "x", 7, []]) {
      expect(pathsOf(() => POLICIES[name]?.(options as never))).toEqual(["options"]);
    }
  });

  test.each<{ name: string; policy: string; options: object; paths: readonly string[] }>([
    { name: "subset", policy: "subset", options: {}, paths: ["subset_selectors"] },
    { name: "subset", policy: "subset", options: { selectors: "a" }, paths: ["subset_selectors"] },
    {
      name: "subset",
      policy: "subset",
      options: { selectors: [null, {}, { keys: "a" }], policy: {}, fallbackPolicy: "ANY" },
      paths: [
        "subset_selectors[0]",
        "subset_selectors[1].keys",
        "subset_selectors[2].keys",
        "subset_lb_policy",
        "fallback_policy",
      ],
    },
    {
      name: "overrideHost",
      policy: "overrideHost",
      options: { sources: [null] },
      paths: ["override_host_sources[0]", "fallback_policy"],
    },
    { name: "randomSubsetting", policy: "randomSubsetting", options: {}, paths: ["subset_size", "child_policy"] },
    {
      name: "roundRobin",
      policy: "roundRobin",
      options: { slowStart: "1s", locality: "zone-aware" },
      paths: ["slow_start_config", "locality_lb_config"],
    },
    { name: "leastRequest", policy: "leastRequest", options: { choiceCount: "2" }, paths: ["choice_count"] },
  ])("$name says what is wrong with $options", ({ policy, options, paths }) => {
    expect(pathsOf(() => POLICIES[policy]?.(options as never))).toEqual(paths);
  });
});

const anything = fc.anything({
  maxDepth: 2,
  withBigInt: true,
  withDate: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
});
const fieldsOf = (fields: readonly string[]) =>
  fc.dictionary(fc.constantFrom(...fields), fc.oneof({ weight: 3, arbitrary: anything }, fc.constant(undefined)), {
    maxKeys: 4,
  });

const CLUSTER_FIELDS = [
  ...["name", "hosts", "endpoints", "policy", "outlierDetection", "circuitBreakers", "healthCheck", "local", "onEvent"],
  ...["ignoreNewHostsUntilFirstCheck", "ignoreHealthOnHostRemoval", "healthyPanicThreshold", "overprovisioningFactor"],
  ...["weightedPriorityHealth", "dropOverloads", "updateMergeWindowMs", "__proto__", "constructor"],
];
const POLICY_FIELDS = [
  ...["slowStart", "locality", "choiceCount", "selection", "tableSize", "minimumRingSize", "maximumRingSize"],
  ...["hashBalanceFactor", "selectors", "sources", "fallbackPolicy", "policy", "childPolicy", "subsetSize"],
  ...["metricNames", "decayMs", "portOverride", "metadata", "selectedHostKey", "hashPolicy"],
];

describe("anything at all", () => {
  test("as options of a cluster", () => {
    fc.assert(
      fc.property(fc.oneof(anything, fieldsOf(CLUSTER_FIELDS)), (options) => {
        issuesOf(() => lb.createCluster(options as lb.ClusterOptions, deps()).pick());
        issuesOf(() => lb.lint(options as lb.ClusterOptions));
        issuesOf(() => lb.hostPicker(options as lb.ClusterOptions)[Symbol.dispose]());
      }),
      { numRuns: 500 },
    );
  });

  test("as options of a policy, in a cluster that picks", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(POLICIES)), fieldsOf(POLICY_FIELDS), (policy, options) => {
        issuesOf(() => lb.createCluster({ hosts: ["a:1", "b:1"], policy: policy(options as never) }, deps()).pick());
      }),
      { numRuns: 500 },
    );
  });

  test("as a change of hosts", () => {
    const fields = ["replace", "add", "remove", "change"];
    const cluster = lb.createCluster({ hosts: ["a:1"] }, deps());
    fc.assert(
      fc.property(fc.oneof(anything, fieldsOf(fields)), (delta) => {
        issuesOf(() => cluster.update(delta as lb.HostDelta));
        cluster.pick();
      }),
      { numRuns: 500 },
    );
  });

  test("as a scenario", () => {
    const scenario = {
      name: "x",
      requests: 1,
      requestsPerSecond: 1,
      servers: [{ name: "a" }],
      candidates: [{ name: "c" }],
    };
    const fields = [...Object.keys(scenario), "events", "seed", "clients", "retries", "keys", "arrivals"];
    fc.assert(
      fc.property(fieldsOf(fields), (changes) => {
        issuesOf(() => lb.simulate({ ...scenario, ...changes } as lb.Scenario));
      }),
      { numRuns: 500 },
    );
  });
});
