import { describe, expect, test } from "vitest";
import { child, endpoint, issuesOf, POLICIES, policies, STATIC } from "./messages.js";

describe("what Envoy refuses is refused with its path", () => {
  test.each<{ name: string; cluster: object; path: string }>([
    {
      name: "a ring whose minimum exceeds its maximum",
      cluster: {
        ...STATIC,
        lb_policy: "RING_HASH",
        ring_hash_lb_config: { minimum_ring_size: 20, maximum_ring_size: 10 },
      },
      path: "ring_hash_lb_config.minimum_ring_size",
    },
    {
      name: "a table whose size is no prime",
      cluster: { ...STATIC, lb_policy: "MAGLEV", maglev_lb_config: { table_size: 8 } },
      path: "maglev_lb_config.table_size",
    },
    {
      name: "a balance factor below 100",
      cluster: {
        ...STATIC,
        lb_policy: "MAGLEV",
        common_lb_config: { consistent_hashing_lb_config: { hash_balance_factor: 99 } },
      },
      path: "common_lb_config.consistent_hashing_lb_config.hash_balance_factor",
    },
    {
      name: "a single choice",
      cluster: { ...STATIC, lb_policy: "LEAST_REQUEST", least_request_lb_config: { choice_count: 1 } },
      path: "least_request_lb_config.choice_count",
    },
    {
      name: "a longest ejection below the first",
      cluster: { ...STATIC, outlier_detection: { max_ejection_time: "5s", base_ejection_time: "10s" } },
      path: "outlier_detection.max_ejection_time",
    },
    {
      name: "a percentage over 100",
      cluster: { ...STATIC, outlier_detection: { max_ejection_percent: 101 } },
      path: "outlier_detection.max_ejection_percent",
    },
    {
      name: "a keys subset without keys",
      cluster: {
        ...STATIC,
        lb_subset_config: { subset_selectors: [{ keys: ["a", "b"], fallback_policy: "KEYS_SUBSET" }] },
      },
      path: "lb_subset_config.subset_selectors[0].fallback_keys_subset",
    },
    {
      name: "a keys subset beyond the selector",
      cluster: {
        ...STATIC,
        lb_subset_config: {
          subset_selectors: [{ keys: ["a", "b"], fallback_policy: "KEYS_SUBSET", fallback_keys_subset: ["c"] }],
        },
      },
      path: "lb_subset_config.subset_selectors[0].fallback_keys_subset",
    },
    {
      name: "a single host per subset of two keys",
      cluster: {
        ...STATIC,
        lb_subset_config: { subset_selectors: [{ keys: ["a", "b"], single_host_per_subset: true }] },
      },
      path: "lb_subset_config.subset_selectors[0].single_host_per_subset",
    },
    {
      name: "both subset fields and a policy",
      cluster: {
        ...policies({ "@type": `${POLICIES}.random.v3.Random` }),
        lb_subset_config: { subset_selectors: [{ keys: ["a"] }] },
      },
      path: "lb_subset_config",
    },
    {
      name: "a provided balancer that nobody provides",
      cluster: { ...STATIC, lb_policy: "CLUSTER_PROVIDED" },
      path: "lb_policy",
    },
    {
      name: "requests limited by host",
      cluster: { ...STATIC, circuit_breakers: { per_host_thresholds: [{ max_requests: 1 }] } },
      path: "circuit_breakers.per_host_thresholds[0].max_requests",
    },
    {
      name: "two names in a logical cluster",
      cluster: {
        name: "d",
        type: "LOGICAL_DNS",
        load_assignment: { cluster_name: "d", endpoints: [{ lb_endpoints: [endpoint("a.test"), endpoint("b.test")] }] },
      },
      path: "load_assignment.endpoints",
    },
    {
      name: "a name in a static cluster",
      cluster: {
        ...STATIC,
        load_assignment: { cluster_name: "s", endpoints: [{ lb_endpoints: [endpoint("a.test")] }] },
      },
      path: "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address",
    },
    {
      name: "hosts of their own for an original destination",
      cluster: { ...STATIC, type: "ORIGINAL_DST", lb_policy: "CLUSTER_PROVIDED" },
      path: "load_assignment",
    },
    {
      name: "hashing by name in a static cluster",
      cluster: {
        ...STATIC,
        lb_policy: "MAGLEV",
        common_lb_config: { consistent_hashing_lb_config: { use_hostname_for_hashing: true } },
      },
      path: "common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing",
    },
    {
      name: "fallback keys without their policy",
      cluster: {
        ...STATIC,
        lb_subset_config: { subset_selectors: [{ keys: ["a", "b"], fallback_keys_subset: ["a"] }] },
      },
      path: "lb_subset_config.subset_selectors[0].fallback_keys_subset",
    },
    {
      name: "an override that names nothing",
      cluster: policies({
        "@type": `${POLICIES}.override_host.v3.OverrideHost`,
        override_host_sources: [{}],
        fallback_policy: child("round_robin.v3.RoundRobin"),
      }),
      path: "load_balancing_policy.policies[0].typed_extension_config.typed_config.override_host_sources[0]",
    },
    {
      name: "a priority beyond 128",
      cluster: {
        ...STATIC,
        load_assignment: { cluster_name: "s", endpoints: [{ priority: 129, lb_endpoints: [endpoint("10.0.0.1")] }] },
      },
      path: "load_assignment.endpoints[0].priority",
    },
    {
      name: "weights that do not fit 32 bits together",
      cluster: {
        ...STATIC,
        load_assignment: {
          cluster_name: "s",
          endpoints: [
            {
              lb_endpoints: [
                { ...endpoint("10.0.0.1"), load_balancing_weight: 4294967295 },
                { ...endpoint("10.0.0.2"), load_balancing_weight: 1 },
              ],
            },
          ],
        },
      },
      path: "load_assignment.endpoints[0].lb_endpoints[1].load_balancing_weight",
    },
  ])("$name", ({ cluster, path }) => {
    expect(issuesOf(cluster)).toEqual([`${path} ERR_LB_CONFIG_INVALID`]);
  });

  test("all problems are named at once", () => {
    const cluster = {
      ...STATIC,
      lb_policy: "MAGLEV",
      maglev_lb_config: { table_size: 8 },
      outlier_detection: { max_ejection_percent: 101, interval: "0s" },
    };
    expect(issuesOf(cluster)).toHaveLength(3);
  });
});
