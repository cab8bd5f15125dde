import {
  type ClusterOptions,
  createHashRing,
  type LintFacts,
  leastRequest,
  lint,
  maglev,
  random,
  ringHash,
  roundRobin,
  staticStride,
} from "@weftmesh/lb";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const hosts = (count: number): string[] => Array.from({ length: count }, (_, index) => `10.0.0.${index}:80`);

describe("lint", () => {
  test.each<{
    name: string;
    options: ClusterOptions;
    rule: string;
    says: string;
    facts?: LintFacts;
    severity?: string;
  }>([
    {
      name: "a cap that lets no host go",
      options: { hosts: hosts(8), outlierDetection: {} },
      rule: "nothing-ejected",
      says: "8 hosts and 10 %: no host is ever ejected, the cap needs at least 10 hosts",
    },
    {
      name: "ejections beyond the panic threshold",
      options: { hosts: hosts(10), outlierDetection: { maxEjectionPercent: 80 } },
      rule: "ejection-panic",
      says: "up to 8 of 10 hosts may be ejected; with 20 % left the panic threshold of 50 %",
    },
    {
      name: "success rate with too few hosts",
      options: { hosts: hosts(4), outlierDetection: {} },
      rule: "success-rate-off",
      says: "4 hosts: success rates are compared from 5 hosts on",
    },
    {
      name: "the share success rate cannot see",
      options: { hosts: hosts(10), outlierDetection: {} },
      rule: "success-rate-blind",
      says: "fewer than 21.7 % of all, here at most 2 of 10",
    },
    {
      name: "a failure percentage of 0",
      options: {
        hosts: hosts(10),
        outlierDetection: { failurePercentageThreshold: 0, enforcingFailurePercentage: 100 },
      },
      rule: "failure-percentage-zero",
      says: "without a single failure",
    },
    {
      name: "a back-off that is forgotten",
      options: { hosts: hosts(10), outlierDetection: {} },
      rule: "backoff-forgotten",
      says: "forgets up to 3",
    },
    {
      name: "what a retry budget means",
      options: { hosts: hosts(2), circuitBreakers: [{ retryBudget: {} }] },
      facts: { requestsPerSecond: 4, latencyMs: 1000 },
      rule: "retry-budget",
      says: "about 4 in flight; the budget then means 3 retries at a time",
    },
    {
      name: "what three retries mean",
      options: { hosts: hosts(2) },
      facts: { requestsPerSecond: 1000 },
      rule: "retry-limit",
      says: "about 100 in flight; at most 3 retries at a time, 3.0 % of them",
    },
    {
      name: "more in flight than admitted",
      options: { hosts: hosts(2) },
      facts: { requestsPerSecond: 20_000 },
      rule: "requests-overflow",
      says: "about 2000 in flight, more than the 1024",
    },
    {
      name: "why zones are not looked at",
      options: {
        endpoints: ["a", "b"].map((zone) => ({ locality: { zone }, hosts: [`${zone}:1`, `${zone}:2`] })),
        policy: roundRobin({ locality: { kind: "zone-aware" } }),
      },
      facts: { zone: "a", callersPerZone: { a: 3, b: 3 } },
      rule: "zone-aware-off",
      says: "the upstream has too few healthy hosts: 4, needs 6",
    },
    {
      name: "localities without weights",
      options: { hosts: hosts(2), policy: roundRobin({ locality: { kind: "locality-weighted" } }) },
      rule: "locality-weights-missing",
      says: "none of 1 localities has a weight: hosts are chosen as if there were no localities",
    },
    {
      name: "localities without weights under a hash policy",
      options: { hosts: hosts(2), policy: maglev({ localityWeighted: true }) },
      rule: "locality-weights-missing",
      says: "no request finds a host",
    },
    {
      name: "one locality without a weight",
      options: {
        endpoints: [
          { locality: { zone: "a" }, weight: 1, hosts: ["a:1"] },
          { locality: { zone: "b" }, hosts: ["b:1"] },
        ],
        policy: roundRobin({ locality: { kind: "locality-weighted" } }),
      },
      rule: "locality-weights-missing",
      says: "1 of 2 localities have no weight: they never get a request",
    },
    {
      name: "a detector that is not enforced, as by default",
      options: { hosts: hosts(20), outlierDetection: { consecutiveGatewayFailure: 3 } },
      rule: "not-enforced",
      says: "3, but enforcing_consecutive_gateway_failure is 0 %",
      severity: "warning",
    },
    {
      name: "local failures that are not counted apart",
      options: { hosts: hosts(20), outlierDetection: { consecutiveLocalOriginFailure: 3 } },
      rule: "not-enforced",
      says: "split_external_local_origin_errors is false",
    },
    {
      // 4 requests/s for 10 s over 20 hosts are 2 for each, of the 100 that are needed.
      name: "too few requests for success rates",
      options: { hosts: hosts(20), outlierDetection: {} },
      facts: { requestsPerSecond: 4 },
      rule: "success-rate-volume",
      says: "about 2.0 for each in the 10000 ms between sweeps; success rates are compared from 100 on",
    },
    {
      name: "the size a cap needs, where hosts are discovered",
      options: { outlierDetection: {} },
      rule: "nothing-ejected",
      says: "10 %: below 10 hosts none is ever ejected",
      severity: "note",
    },
    {
      // 4 of 10 are 40 %, below the threshold of 50 %, 5 of 10 are not.
      name: "when hosts that are out get traffic after all",
      options: { hosts: hosts(10), outlierDetection: {} },
      rule: "panic-point",
      says: "with fewer than 5 of 10 hosts healthy, all 10 get traffic",
    },
    {
      // Each retry costs what 5 requests pay in: 200 retries/s for 1000 requests/s, and there are 10/s without any.
      name: "what a window of retries means",
      options: { hosts: hosts(2), circuitBreakers: [{ retryBudget: { kind: "window", retryRatio: 0.2 } }] },
      facts: { requestsPerSecond: 1000 },
      rule: "retry-budget",
      says: "about 210.0 retries/s, of which 10 without any traffic",
    },
    {
      name: "what a budget of an interval means",
      options: { hosts: hosts(2), circuitBreakers: [{ retryBudget: { budgetIntervalMs: 10_000 } }] },
      facts: { requestsPerSecond: 100 },
      rule: "retry-budget",
      says: "100 requests/s are 1000 in 10000 ms; the budget then means 200 retries at a time",
    },
    {
      name: "a retry budget that allows nothing at this rate",
      options: {
        hosts: hosts(2),
        circuitBreakers: [{ priority: "HIGH" }, { retryBudget: { minRetryConcurrency: 0 } }],
      },
      facts: { requestsPerSecond: 4, latencyMs: 1000 },
      rule: "retry-budget",
      says: "the budget then means 0 retries at a time",
      severity: "warning",
    },
    {
      // Half of the draws fall on the busier host, twice in a row with a quarter.
      name: "two choices of two hosts",
      options: { hosts: hosts(2), policy: leastRequest() },
      rule: "choices-repeat",
      says: "25.0 % of picks do not see the idlest host",
    },
    {
      name: "weights that random does not see",
      options: { hosts: ["a:1", { address: "b:1", weight: 3 }], policy: random() },
      rule: "weights-ignored",
      says: "weights from 1 to 3",
    },
    {
      name: "a stride that takes many tries",
      options: { hosts: [...hosts(99), { address: "b:1", weight: 901 }], policy: staticStride() },
      rule: "stride-skew",
      says: "90 times the mean weight",
    },
    {
      name: "weights beyond the scale of a stride",
      options: { hosts: ["a:1", { address: "b:1", weight: 200_000 }], policy: staticStride() },
      rule: "stride-skew",
      says: "weights from 1 to 200000: below 3.1 they count as that much",
    },
    {
      // Callers 6 and 2, hosts 2 and 6: 25 % of the hosts for 75 % of the callers.
      name: "how much stays in a zone",
      options: {
        endpoints: ["a", "b"].map((zone) => ({
          locality: { zone },
          hosts: hosts(zone === "a" ? 2 : 6).map((address) => `${zone}${address}`),
        })),
        policy: roundRobin({ locality: { kind: "zone-aware" } }),
      },
      facts: { zone: "a", callersPerZone: { a: 6, b: 2 } },
      rule: "zone-share",
      says: "keep 33.3 % of their requests there",
    },
    {
      name: "checks that start at once",
      options: {
        hosts: hosts(200),
        healthCheck: { timeoutMs: 1000, intervalMs: 5000, healthyThreshold: 1, unhealthyThreshold: 1 },
      },
      rule: "check-herd",
      says: "the first checks of 200 hosts start at once; later ones are 40.0 a second",
    },
    {
      name: "a ring smaller than its hosts",
      options: { hosts: hosts(10), policy: ringHash({ minimumRingSize: 4, maximumRingSize: 4 }) },
      rule: "ring-too-small",
      says: "10 hosts and at most 4 entries: 6 hosts without any, which never get a request",
      severity: "warning",
    },
    {
      name: "a small table",
      options: { hosts: hosts(10), policy: maglev({ tableSize: 101 }) },
      rule: "table-too-small",
      says: "10 hosts and 101 slots: 10.1 for each host",
      severity: "note",
    },
    {
      name: "a table smaller than its hosts",
      options: { hosts: hosts(10), policy: maglev({ tableSize: 7 }) },
      rule: "table-too-small",
      says: "at least 3 hosts never get a request",
      severity: "warning",
    },
    {
      name: "degraded hosts under a hash policy",
      options: { hosts: [{ address: "a:1", health: "DEGRADED" }], policy: maglev() },
      rule: "degraded-unused",
      says: "1 degraded: hash tables never hold such hosts",
    },
    {
      name: "when a priority hands on",
      options: { endpoints: [{ hosts: ["a:1"] }, { priority: 1, hosts: ["b:1"] }] },
      rule: "failover-point",
      says: "fewer than 71.4 % of its hosts",
    },
  ])("says $name", ({ options, facts, rule, says, severity }) => {
    const findings = lint(options, facts).filter((each) => each.rule === rule);
    expect(findings.map(({ message }) => message).join("\n")).toContain(says);
    if (severity !== undefined) expect(findings[0]?.severity).toBe(severity);
  });

  test("as many hosts are without an entry as in the ring itself", () => {
    const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5000 })), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 60 }), (each, size) => {
        const sizes = { minimumRingSize: size, maximumRingSize: size };
        const sum = each.reduce((total, weight) => total + weight, 0);
        const ring = createHashRing(
          each.map((weight, index) => ({ key: `h${index}`, weight: weight / sum })),
          sizes,
        );
        const without = each.length - new Set(ring.hosts).size;
        const options = {
          hosts: each.map((weight, index) => ({ address: `h${index}`, weight })),
          policy: ringHash(sizes),
        };
        const said = lint(options).find(({ rule, severity }) => rule === "ring-too-small" && severity === "warning");
        expect(said === undefined ? 0 : Number(/entries: (\d+) host/.exec(said.message)?.[1])).toBe(without);
      }),
    );
  });

  test("what is refused is refused here too", () => {
    expect(() => lint({ hosts: [{ address: "a:1", weight: 0 }] })).toThrow(
      expect.objectContaining({ code: "ERR_LB_HOST_INVALID" }),
    );
  });

  test.each<{ name: string; options: ClusterOptions }>([
    {
      name: "outlier detection over fifty hosts",
      options: { hosts: hosts(50), outlierDetection: { consecutive5xx: 5 } },
    },
    { name: "Maglev over a hundred", options: { hosts: hosts(100), policy: maglev() } },
    { name: "a ring over ten", options: { hosts: hosts(10), policy: ringHash() } },
    { name: "two priorities", options: { endpoints: [{ hosts: hosts(5) }, { priority: 1, hosts: ["b:1"] }] } },
    {
      name: "zones, where nothing is known of the callers",
      options: {
        endpoints: ["a", "b"].map((zone) => ({ locality: { zone }, hosts: hosts(5).map((each) => zone + each) })),
        policy: roundRobin({ locality: { kind: "zone-aware" } }),
      },
    },
    {
      name: "zones, where hosts are discovered",
      options: { policy: roundRobin({ locality: { kind: "zone-aware" } }) },
    },
  ])("warns of nothing for $name", ({ options }) => {
    const facts = { requestsPerSecond: 2000, latencyMs: 20 };
    expect(lint(options, facts).filter(({ severity }) => severity === "warning")).toEqual([]);
  });

  test("a plain cluster gives nothing to say", () => {
    expect(lint({ hosts: hosts(3) })).toEqual([]);
  });
});
