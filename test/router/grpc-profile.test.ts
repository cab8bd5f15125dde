/** The rules of gRPC, each with the gRFC that has it; the same table under Envoy's rules beside it. */
import { compileRbac, compileRoutes, createRequest, fixedRandom, RouterError } from "@weftmesh/router";
import type { Route, RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 0 };
const headers = {
  "content-type": "application/grpc+proto",
  "x-trace-bin": "AA==",
  te: "trailers",
  "grpc-timeout": "5S",
  "x-to": "named",
};
const request = createRequest({ method: "POST", url: "http://shop/shop.Cart/Get?a=1", headers });
const table = (routes: readonly Route[]): RouteConfiguration => ({
  virtualHosts: [
    { name: "shop", domains: ["*"], routes: [...routes, { match: { prefix: "" }, route: { cluster: "rest" } }] },
  ],
});

function decide(route: Route, profile: "envoy" | "grpc") {
  return compileRoutes(table([route]), { profile }).route(request, context);
}

const to = { cluster: "cart" };
const header = (name: string, exact: string): Route => ({
  match: { prefix: "/", headers: [{ name, stringMatch: { exact } }] },
  route: to,
});

describe("which route", () => {
  test.each<[string, Route, envoy: string, grpc: string]>([
    ["A28: a field ending in -bin is never there", header("x-trace-bin", "AA=="), "cart", "rest"],
    [
      "A28: nor is it when its absence is asked for",
      { match: { prefix: "/", headers: [{ name: "x-trace-bin", presentMatch: false }] }, route: to },
      "rest",
      "cart",
    ],
    ["A28: content-type is application/grpc", header("content-type", "application/grpc"), "rest", "cart"],
    ["A28: whatever was sent", header("content-type", "application/grpc+proto"), "cart", "rest"],
    ["A41: there is no te", header("te", "trailers"), "cart", "rest"],
    [
      "A28: a route with query parameters is passed over",
      { match: { prefix: "/", queryParameters: [{ name: "a" }] }, route: to },
      "cart",
      "rest",
    ],
    ["A28: and one with cluster_header", { match: { prefix: "/" }, route: { clusterHeader: "x-to" } }, "named", "rest"],
    [
      "A28: the rest of a match is not looked at",
      {
        match: { prefix: "/", tlsContext: { presented: true }, cookies: [{ name: "a", stringMatch: { exact: "b" } }] },
        route: to,
      },
      "rest",
      "cart",
    ],
  ])("%s", (_, route, envoy, grpc) => {
    expect(decide(route, "envoy")).toMatchObject({ cluster: envoy });
    expect(decide(route, "grpc")).toMatchObject({ cluster: grpc });
    const trace = compileRoutes(table([route]), { profile: "grpc" }).explain(request, context);
    expect(trace.decision).toMatchObject({ cluster: grpc });
    expect(trace.routes.at(-1)).toMatchObject({ matched: true });
  });

  test("many routes that differ in a field that gRPC sets are all looked at", () => {
    const routes = Array.from({ length: 40 }, (_, i) =>
      header("content-type", i === 30 ? "application/grpc" : `x/${i}`),
    );
    const compiled = compileRoutes(table(routes), { profile: "grpc" });
    expect(compiled.route(request, context)).toMatchObject({ route: { index: 30 } });
  });

  test("A36: an action that is no route ends the call", () => {
    const redirect: Route = { match: { prefix: "/" }, redirect: { httpsRedirect: true } };
    expect(decide(redirect, "envoy").kind).toBe("redirect");
    expect(decide(redirect, "grpc").kind).toBe("no-route");
  });

  test("A28: path specifiers that gRPC does not know refuse the table", () => {
    const routes: Route[] = [
      { match: { pathSeparatedPrefix: "/a" }, route: to },
      { match: { connectMatcher: {} }, route: to },
    ];
    expect(() => compileRoutes(table(routes))).not.toThrow();
    let issues: RouterError["issues"] = [];
    try {
      compileRoutes(table(routes), { profile: "grpc" });
    } catch (error) {
      if (error instanceof RouterError) issues = error.issues;
    }
    expect(issues.map(({ code, path }) => [code, path])).toEqual([
      ["ERR_ROUTER_UNSUPPORTED", "virtual_hosts[0].routes[0].match.path_separated_prefix"],
      ["ERR_ROUTER_UNSUPPORTED", "virtual_hosts[0].routes[1].match.connect_matcher"],
    ]);
  });
});

describe("what comes with it", () => {
  test.each([
    [
      "A31: the header's maximum comes first",
      { grpcTimeoutHeaderMax: { seconds: 3n }, maxStreamDuration: { seconds: 9n } },
      3000,
    ],
    ["A31: then the stream's", { maxStreamDuration: { seconds: 9n } }, 9000],
    ["A31: 0 leaves it to the call's own deadline", { grpcTimeoutHeaderMax: {} }, undefined],
    ["A31: timeout is not read", undefined, undefined],
  ])("%s", (_, maxStreamDuration, expected) => {
    const route = {
      match: { prefix: "/" },
      route: { ...to, timeout: { seconds: 1n }, ...(maxStreamDuration && { maxStreamDuration }) },
    };
    expect(decide(route, "grpc")).toMatchObject({ timeouts: { requestMs: 0, maxStreamMs: expected } });
  });

  test("A44: only gRPC conditions are retried", () => {
    const route = { match: { prefix: "/" }, route: { ...to, retryPolicy: { retryOn: "5xx, unavailable" } } };
    for (const [profile, retried] of [
      ["envoy", true],
      ["grpc", false],
    ] as const) {
      const decision = decide(route, profile);
      if (decision.kind !== "forward") throw new Error(decision.kind);
      expect(decision.retry({ kind: "response", status: 503, headers: [] }, 1, 0).retry).toBe(retried);
      expect(decision.retry({ kind: "response", status: 200, headers: ["grpc-status", "14"] }, 1, 0).retry).toBe(true);
    }
  });

  test("A42: of hash policies only fields and the channel count", () => {
    const hashed = (entry: object) => decide({ match: { prefix: "/" }, route: { ...to, hashPolicy: [entry] } }, "grpc");
    const hash = (entry: object) => {
      const decision = hashed(entry);
      return decision.kind === "forward" ? decision.hash() : undefined;
    };
    expect(hash({ queryParameter: { name: "a" } })).toBeUndefined();
    expect(hash({ header: { headerName: "x-to" } })).toBeTypeOf("bigint");
  });

  test("A41: RBAC sees no SNI", () => {
    const connection = { serverName: "shop.test" };
    const policy = (exact: string) => ({
      rules: { policies: { p: { permissions: [{ requestedServerName: { exact } }], principals: [{ any: true }] } } },
    });
    const from = createRequest({ url: "http://shop/", connection });
    expect(compileRbac(policy("shop.test"), { profile: "envoy" }).decide(from).allowed).toBe(true);
    expect(compileRbac(policy("shop.test"), { profile: "grpc" }).decide(from).allowed).toBe(false);
    expect(compileRbac(policy(""), { profile: "grpc" }).decide(from).allowed).toBe(true);
  });
});
