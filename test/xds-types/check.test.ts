import { messageType } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { findMessage, messageNames, packageNames } from "@weftmesh/xds-types/schema";
import { describe, expect, test } from "vitest";

const route = (json: object): unknown => ({
  name: "r",
  virtual_hosts: [{ name: "v", domains: ["*"], routes: [json] }],
});

function check(
  type: { fromJson(json: never): unknown; check(message: never): readonly object[] },
  json: unknown,
): unknown {
  return type.check(type.fromJson(json as never) as never);
}

// https://github.com/bufbuild/protoc-gen-validate#constraint-rules, as the schema of Envoy 1.40.0 uses them
describe("rules", () => {
  test.each([
    {
      name: "a duration greater than the empty duration",
      type: Cluster,
      json: { name: "c", connect_timeout: "0s" },
      path: "connect_timeout",
    },
    { name: "a string that must not be empty", type: Cluster, json: {}, path: "name" },
    {
      name: "a header name in a list",
      type: RouteConfiguration,
      json: { internal_only_headers: ["a", "b\nc"] },
      path: "internal_only_headers[1]",
    },
    {
      name: "a list that needs items",
      type: RouteConfiguration,
      json: { virtual_hosts: [{ name: "v" }] },
      path: "virtual_hosts[0].domains",
    },
    {
      name: "a number with an upper bound",
      type: ClusterLoadAssignment,
      json: { cluster_name: "c", endpoints: [{ priority: 129 }] },
      path: "endpoints[0].priority",
    },
    {
      name: "a wrapped number with a lower bound",
      type: ClusterLoadAssignment,
      json: { cluster_name: "c", endpoints: [{ lb_endpoints: [{ load_balancing_weight: 0 }] }] },
      path: "endpoints[0].lb_endpoints[0].load_balancing_weight",
    },
    { name: "an enum that must be defined", type: Cluster, json: { name: "c", lb_policy: 77 }, path: "lb_policy" },
    {
      name: "a pattern",
      type: RouteConfiguration,
      json: route({ match: { path_separated_prefix: "/a/" }, route: { cluster: "c" } }),
      path: "virtual_hosts[0].routes[0].match.path_separated_prefix",
    },
    {
      name: "a header name",
      type: RouteConfiguration,
      json: route({
        match: { prefix: "/", headers: [{ name: "a\nb", present_match: true }] },
        route: { cluster: "c" },
      }),
      path: "virtual_hosts[0].routes[0].match.headers[0].name",
    },
    {
      name: "the rules of a message inside an Any",
      type: Listener,
      json: {
        filter_chains: [
          {
            filters: [
              {
                name: "f",
                typed_config: {
                  "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                  cluster: "c",
                },
              },
            ],
          },
        ],
      },
      path: "filter_chains[0].filters[0].typed_config.stat_prefix",
    },
  ])("$name", ({ type, json, path }) => {
    expect(check(type as never, json)).toEqual([expect.objectContaining({ code: "ERR_XDS_TYPES_RULE", path })]);
  });

  test.each([
    { name: "a required message", json: route({ redirect: {} }), path: "virtual_hosts[0].routes[0].match" },
    { name: "a required oneof", json: route({ match: {}, redirect: {} }), path: "virtual_hosts[0].routes[0].match" },
    {
      name: "a required oneof one level up",
      json: route({ match: { prefix: "/" } }),
      path: "virtual_hosts[0].routes[0]",
    },
  ])("$name", ({ json, path }) => {
    expect(check(RouteConfiguration as never, json)).toEqual([
      expect.objectContaining({ code: "ERR_XDS_TYPES_REQUIRED", path }),
    ]);
  });

  test("a member of a oneof that is not set is not judged", () => {
    expect(check(RouteConfiguration as never, route({ match: { prefix: "" }, route: { cluster: "c" } }))).toEqual([]);
  });

  test("deprecated fields are warnings", () => {
    const json = route({ match: { prefix: "/" }, route: { cluster: "c", max_grpc_timeout: "1s" } });
    expect(check(RouteConfiguration as never, json)).toEqual([
      expect.objectContaining({ code: "ERR_XDS_TYPES_DEPRECATED", severity: "warning" }),
    ]);
  });

  test("every rule of the schema compiles", () => {
    for (const name of packageNames().flatMap(messageNames)) {
      const fields = findMessage(name)?.fields ?? [];
      const issues = messageType(name).check({});
      expect(issues.length, name).toBeLessThanOrEqual(fields.length + 8);
    }
  });
});
