import { clusterFromXds, endpointsFromXds, optionsFromXds } from "@weftmesh/lb";
import { manualScheduler, seededRandom } from "@weftmesh/lb/testing";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { describe, expect, test } from "vitest";
import { child, endpoint, issuesOf, POLICIES, policies, read, STATIC } from "./messages.js";

describe("clusterFromXds", () => {
  test("picks from the hosts of the cluster's own assignment", () => {
    const cluster = clusterFromXds(read(STATIC), undefined, {
      clock: manualScheduler(),
      random: seededRandom(1),
    });
    const addresses = [cluster.pick(), cluster.pick()].map((pick) => pick.kind === "host" && pick.host.address);
    expect(addresses.sort()).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(cluster.name).toBe("shop");
  });

  test("endpoints of EDS take the place of the cluster's own", () => {
    const assignment = ClusterLoadAssignment.fromJson({
      cluster_name: "shop",
      endpoints: [{ lb_endpoints: [endpoint("2001:DB8::1", 443)] }],
    } as object);
    const cluster = clusterFromXds(read(STATIC), assignment, {
      clock: manualScheduler(),
      random: seededRandom(1),
    });
    expect(cluster.host("[2001:db8::1]:443")).toBeDefined();
    cluster.update({ replace: endpointsFromXds(ClusterLoadAssignment.fromJson({ cluster_name: "shop" })) });
    expect(cluster.pick()).toEqual({ kind: "none", reason: "no-healthy-host" });
  });

  test("outlier detection, breakers and thresholds are read with their defaults left open", () => {
    const options = optionsFromXds(
      read({
        ...STATIC,
        outlier_detection: { consecutive_5xx: 3, interval: "1s", base_ejection_time: "0.5s" },
        circuit_breakers: {
          thresholds: [
            {
              priority: "HIGH",
              max_requests: 7,
              retry_budget: { budget_percent: { value: 25 }, budget_interval: "10s" },
            },
          ],
        },
        common_lb_config: {
          healthy_panic_threshold: {},
          update_merge_window: "0s",
          override_host_status: { statuses: ["HEALTHY", "DRAINING"] },
        },
      }),
      undefined,
    );
    expect(options).toMatchObject({
      outlierDetection: { consecutive5xx: 3, intervalMs: 1000, baseEjectionTimeMs: 500 },
      circuitBreakers: [
        { priority: "HIGH", maxRequests: 7, retryBudget: { budgetPercent: 25, budgetIntervalMs: 10_000 } },
      ],
      healthyPanicThreshold: 0,
      updateMergeWindowMs: 0,
      overrideHostStatus: ["HEALTHY", "DRAINING"],
    });
  });
});

describe("load_balancing_policy", () => {
  test("the first known policy of a list is used", () => {
    const cluster = policies(
      { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "?" },
      { "@type": `${POLICIES}.least_request.v3.LeastRequest`, choice_count: 3 },
      { "@type": `${POLICIES}.random.v3.Random` },
    );
    expect(optionsFromXds(read(cluster), undefined).policy?.name).toBe("least_request");
  });

  test("a list without a known policy is refused and names what it had", () => {
    const cluster = policies({ "@type": "type.googleapis.com/google.protobuf.StringValue", value: "?" });
    expect(issuesOf(cluster)).toEqual(["load_balancing_policy.policies ERR_LB_POLICY_UNKNOWN"]);
  });

  test("a known policy that was not decoded is refused as such", () => {
    const message = read(STATIC);
    const typedConfig = { typeUrl: `${POLICIES}.random.v3.Random`, value: new Uint8Array() };
    const opaque = { ...message, loadBalancingPolicy: { policies: [{ typedExtensionConfig: { typedConfig } }] } };
    expect(() => optionsFromXds(opaque, undefined)).toThrow(
      expect.objectContaining({
        code: "ERR_LB_CONFIG_OPAQUE",
        path: "load_balancing_policy.policies[0].typed_extension_config.typed_config",
      }),
    );
  });

  test("reported load is read with its times", () => {
    const cluster = policies({
      "@type": `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
      blackout_period: "1s",
      weight_expiration_period: "2s",
      weight_update_period: "0.5s",
      error_utilization_penalty: 0.5,
      metric_names_for_computing_utilization: ["named_metrics.queue"],
      slow_start_config: { slow_start_window: "3s" },
    });
    expect(optionsFromXds(read(cluster), undefined).policy).toMatchObject({
      name: "client_side_weighted_round_robin",
      options: {
        blackoutPeriodMs: 1000,
        weightExpirationPeriodMs: 2000,
        weightUpdatePeriodMs: 500,
        errorUtilizationPenalty: 0.5,
        metricNames: ["named_metrics.queue"],
        slowStart: { windowMs: 3000 },
      },
    });
  });

  test("reported errors count as configured, and not at all by default, as in Envoy 1.40", () => {
    const type = `${POLICIES}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`;
    const penalties = [{}, { error_utilization_penalty: 2 }].map((config) => {
      return optionsFromXds(read(policies({ "@type": type, ...config })), undefined).policy?.options;
    });
    expect(penalties).toMatchObject([{ errorUtilizationPenalty: 0 }, { errorUtilizationPenalty: 2 }]);
  });

  test("override host is read with its sources and its fallback, and chooses what a header names", () => {
    const cluster = policies({
      "@type": `${POLICIES}.override_host.v3.OverrideHost`,
      override_host_sources: [{ header: "X-Host" }, { metadata: { key: "f", path: [{ key: "a" }, { key: "b" }] } }],
      fallback_policy: child("random.v3.Random"),
    });
    const made = clusterFromXds(read(cluster), undefined, { clock: manualScheduler(), random: seededRandom(1) });
    const header = (name: string) => (name === "x-host" ? "10.0.0.2:80" : undefined);
    const dynamicMetadata = (filter: string, path: readonly string[]) =>
      filter === "f" && path.join(".") === "a.b" ? "10.0.0.1:80" : undefined;
    expect(made.pick({ header, dynamicMetadata })).toMatchObject({ host: { address: "10.0.0.2:80" } });
    expect(made.pick({ dynamicMetadata })).toMatchObject({ host: { address: "10.0.0.1:80" } });
  });

  test("random subsetting keeps so many hosts", () => {
    const cluster = policies({
      "@type": `${POLICIES}.random_subsetting.v3.RandomSubsetting`,
      subset_size: 1,
      child_policy: child("round_robin.v3.RoundRobin"),
    });
    const made = clusterFromXds(read(cluster), undefined, { clock: manualScheduler(), random: seededRandom(1) });
    const seen = Array.from({ length: 10 }, () => {
      const pick = made.pick();
      return pick.kind === "host" && pick.host.address;
    });
    expect(new Set(seen).size).toBe(1);
  });

  test("an original destination is read with its header, its port and its clean-up", () => {
    const cluster = {
      name: "o",
      type: "ORIGINAL_DST",
      lb_policy: "CLUSTER_PROVIDED",
      cleanup_interval: "2s",
      original_dst_lb_config: { use_http_header: true, upstream_port_override: 8080 },
    };
    expect(optionsFromXds(read(cluster), undefined).policy).toMatchObject({
      name: "original_dst",
      options: { header: "x-envoy-original-dst-host", portOverride: 8080, cleanupIntervalMs: 2000 },
    });
  });

  test("limits by host join the limits of their priority", () => {
    const cluster = {
      ...STATIC,
      circuit_breakers: {
        thresholds: [{ max_requests: 5 }],
        per_host_thresholds: [{ max_connections: 2 }, { max_connections: 9 }, { priority: "HIGH", max_connections: 3 }],
      },
    };
    expect(optionsFromXds(read(cluster), undefined).circuitBreakers).toEqual([
      { maxRequests: 5, maxConnectionsPerHost: 2 },
      { priority: "HIGH", maxConnectionsPerHost: 3 },
    ]);
  });

  test("nested policies are resolved by the same rule", () => {
    const child = {
      typed_extension_config: { name: "c", typed_config: { "@type": `${POLICIES}.round_robin.v3.RoundRobin` } },
    };
    const cluster = policies({
      "@type": `${POLICIES}.wrr_locality.v3.WrrLocality`,
      endpoint_picking_policy: { policies: [child] },
    });
    expect(optionsFromXds(read(cluster), undefined).policy).toMatchObject({
      name: "round_robin",
      options: { locality: { kind: "locality-weighted" } },
    });
  });
});
