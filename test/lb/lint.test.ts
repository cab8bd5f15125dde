import { type ClusterOptions, lint, maglev, ringHash, roundRobin } from "@weftmesh/lb";
import { describe, expect, test } from "vitest";

const hosts = (count: number): string[] => Array.from({ length: count }, (_, index) => `10.0.0.${index}:80`);

describe("lint", () => {
  test.each<{ name: string; options: ClusterOptions; rule: string; says: string; facts?: object }>([
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
      options: { hosts: hosts(10), outlierDetection: { failurePercentageThreshold: 0 } },
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
      says: "at most 3 of them may be retries at a time, 3.0 %",
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
      says: "picks none of them",
    },
    {
      name: "a ring smaller than its hosts",
      options: { hosts: hosts(10), policy: ringHash({ minimumRingSize: 4, maximumRingSize: 4 }) },
      rule: "ring-too-small",
      says: "at least 6 hosts never get a request",
    },
    {
      name: "a small table",
      options: { hosts: hosts(10), policy: maglev({ tableSize: 101 }) },
      rule: "table-too-small",
      says: "10 hosts and 101 slots: 10.1 for each host",
    },
    {
      name: "degraded hosts under a hash policy",
      options: { hosts: [{ address: "a:1", health: "DEGRADED" }], policy: maglev() },
      rule: "degraded-unused",
      says: "hash tables never hold them",
    },
    {
      name: "when a priority hands on",
      options: { endpoints: [{ hosts: ["a:1"] }, { priority: 1, hosts: ["b:1"] }] },
      rule: "failover-point",
      says: "fewer than 71.4 % of its hosts",
    },
  ])("says $name", ({ options, facts, rule, says }) => {
    const finding = lint(options, facts).find((each) => each.rule === rule);
    expect(finding?.message).toContain(says);
  });

  test("a plain cluster gives nothing to say", () => {
    expect(lint({ hosts: hosts(3) })).toEqual([]);
  });
});
