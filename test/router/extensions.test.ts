/** Extensions of routes: a cluster out of a tree, CORS of a weighted cluster, faults, and what nobody implements. */
import { compileFault, compileRoutes, createRequest } from "@weftmesh/router";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";
import { any, context } from "./forward.js";

describe("a cluster out of a matcher tree", () => {
  const input = {
    name: "h",
    typedConfig: any("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { headerName: "x-tenant" }),
  };
  const cluster = (name: string) => ({
    action: {
      name: "c",
      typedConfig: any("envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction", { cluster: name }),
    },
  });
  const specifier = (clusterMatcher: object) => ({
    inlineClusterSpecifierPlugin: {
      extension: {
        name: "m",
        typedConfig: any("envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier", {
          clusterMatcher,
        }),
      },
    },
  });
  const tree = { matcherTree: { input, exactMatchMap: { map: { a: cluster("tenant-a"), b: cluster("tenant-b") } } } };

  const decide = (clusterMatcher: object, tenant: string) => {
    const routes = [{ match: { prefix: "/" }, route: specifier(clusterMatcher) }] as Route[];
    const table = compileRoutes({ virtualHosts: [{ name: "shop", domains: ["*"], routes }] });
    return table.route(createRequest({ url: "http://shop.test/", headers: { "x-tenant": tenant } }), context);
  };

  test("is the action found; without one the cluster does not exist, as in Envoy's matcher_cluster_specifier.cc", () => {
    expect(decide(tree, "a")).toMatchObject({ kind: "forward", cluster: "tenant-a" });
    expect(decide(tree, "b")).toMatchObject({ kind: "forward", cluster: "tenant-b" });
    expect(decide(tree, "c")).toMatchObject({ kind: "direct-response", details: "cluster_not_found", status: 503 });
    expect(decide({ ...tree, onNoMatch: cluster("rest") }, "c")).toMatchObject({ kind: "forward", cluster: "rest" });
  });

  test("other actions and inputs are refused", () => {
    const wrong = {
      matcherTree: {
        input: { name: "x", typedConfig: any("test.Input", {}) },
        exactMatchMap: { map: { a: { action: { name: "x", typedConfig: any("test.Action", {}) } } } },
      },
    };
    expect(() => decide(wrong, "a")).toThrow(/test\.Input[\s\S]*test\.Action/);
  });
});

describe("CORS of a weighted cluster", () => {
  test("goes before the route's", () => {
    const policy = (origin: string) => ({
      cors: any("envoy.extensions.filters.http.cors.v3.CorsPolicy", { allowOriginStringMatch: [{ exact: origin }] }),
    });
    const weightedClusters = { clusters: [{ name: "a", weight: 1, typedPerFilterConfig: policy("http://in.test") }] };
    const origin = (value: string) => {
      const routes = [
        { match: { prefix: "/" }, route: { weightedClusters }, typedPerFilterConfig: policy("http://out.test") },
      ] as Route[];
      const table = compileRoutes({ virtualHosts: [{ name: "shop", domains: ["*"], routes }] });
      const decision = table.route(createRequest({ url: "http://shop.test/", headers: { origin: value } }), context);
      return decision.kind === "forward" ? decision.cors().kind : decision.kind;
    };
    expect(origin("http://in.test")).toBe("actual");
    expect(origin("http://out.test")).toBe("none");
  });
});

describe("what would route wrongly if it were passed over", () => {
  test.each([
    ["of a table", { routeSpecifiers: [{ name: "x" }] }, "route_specifiers[0]"],
    [
      "of a host",
      { virtualHosts: [{ name: "a", domains: ["*"], routeSpecifiers: [{ name: "x" }] }] },
      "virtual_hosts[0].route_specifiers[0]",
    ],
    [
      "of a route",
      {
        virtualHosts: [
          {
            name: "a",
            domains: ["*"],
            routes: [{ match: { prefix: "/" }, route: { cluster: "a" }, routeSpecifiers: [{ name: "x" }] }],
          },
        ],
      },
      "virtual_hosts[0].routes[0].route_specifiers[0]",
    ],
  ])("route specifiers %s are refused", (_, config, path) => {
    expect(() => compileRoutes(config)).toThrow(`${path}: route specifiers are not supported (ERR_ROUTER_UNSUPPORTED)`);
  });

  test("clusters in a matcher tree are not validated, as in Envoy", () => {
    const action = {
      name: "r",
      typedConfig: any("envoy.config.route.v3.Route", { match: { prefix: "/" }, route: { cluster: "gone" } }),
    };
    const config = {
      validateClusters: true,
      virtualHosts: [{ name: "a", domains: ["*"], matcher: { onNoMatch: { action } } }],
    };
    expect(() => compileRoutes(config, { clusters: new Set() })).not.toThrow();
  });
});

describe("faults and runtime", () => {
  const request = createRequest({ url: "http://shop.test/" });
  const runtime = (values: Record<string, number>) => (key: string) => values[key];
  const full = { percentage: { numerator: 100 } };

  // The keys are Envoy's, and those that the configuration names instead of them.
  test.each<[Record<string, number>, object, object]>([
    [{}, {}, { delayMs: 2000, abort: { httpStatus: 503 } }],
    [
      { "fault.http.abort.http_status": 418, "fault.http.delay.fixed_duration_ms": 7 },
      {},
      { delayMs: 7, abort: { httpStatus: 418 } },
    ],
    [{ "fault.http.abort.abort_percent": 0, "fault.http.delay.fixed_delay_percent": 0 }, {}, { delayMs: 0 }],
    [{ own: 0, "fault.http.abort.abort_percent": 100 }, { abortPercentRuntime: "own" }, { delayMs: 2000 }],
    [{ own: 0 }, { delayPercentRuntime: "own" }, { delayMs: 0, abort: { httpStatus: 503 } }],
    [{ own: 9 }, { delayDurationRuntime: "own" }, { delayMs: 9, abort: { httpStatus: 503 } }],
    [{ own: 429 }, { abortHttpStatusRuntime: "own" }, { delayMs: 2000, abort: { httpStatus: 429 } }],
  ])("%j %j", (values, keys, expected) => {
    const config = { delay: { fixedDelay: { seconds: 2n }, ...full }, abort: { httpStatus: 503, ...full }, ...keys };
    expect(compileFault(config, { runtime: runtime(values) }).decide(request, "cart", () => 0.5)).toEqual(expected);
  });
});
