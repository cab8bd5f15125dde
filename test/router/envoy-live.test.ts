/** Rules that no recorded case had: a live Envoy 1.40 gave each of these answers (`npx pnpm run peers router`). */
import {
  compileConnectionManager,
  compileRoutes,
  createRequest,
  type Decision,
  type Forward,
  fixedRandom,
  fromIncomingMessage,
  type RequestInit,
} from "@weftmesh/router";
import type { Route, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

function decide(
  route: Omit<Route, "match"> & Partial<Route>,
  init: RequestInit = {},
  host: Partial<VirtualHost> = {},
): Decision {
  const virtualHosts = [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, ...route }], ...host }];
  const clusters = new Set(["c"]);
  const table = compileRoutes({ virtualHosts }, { clusters });
  return table.route(createRequest({ authority: "h", ...init }), { random: fixedRandom(0), now: 0 });
}

function forward(
  action: Readonly<Record<string, unknown>>,
  init: RequestInit = {},
  rest: Partial<Route> = {},
): Forward {
  const decision = decide({ route: { cluster: "c", ...action } as Route["route"], ...rest } as Route, init);
  if (decision.kind !== "forward") throw new Error(`expected a forward, got ${decision.kind}`);
  return decision;
}

const add = (key: string, value: string) => [{ header: { key, value } }];

describe("what the live Envoy says of fields", () => {
  test("a second user-agent is joined in a request and a line of its own in a response", () => {
    expect(
      createRequest({
        headers: [
          ["user-agent", "a"],
          ["user-agent", "b"],
        ],
      }).headers,
    ).toContain("a,b");
    const decision = forward({}, {}, { responseHeadersToAdd: [...add("user-agent", "a"), ...add("user-agent", "b")] });
    expect(decision.response(200, [])).toEqual(["user-agent", "a", "user-agent", "b"]);
  });

  test("TE keeps trailers among other tokens", () => {
    const manager = compileConnectionManager({ statPrefix: "s" });
    const request = createRequest({ authority: "h", headers: { te: "deflate, trailers" } });
    expect(manager.accept(request)).toMatchObject({ request: { headers: expect.arrayContaining(["te", "trailers"]) } });
  });

  test.each([
    ["%RESPONSE_FLAGS%", "-"],
    ["%QUERY_PARAM(q)%", "a b"],
  ])("%s in a request is %j", (value, expected) => {
    const decision = forward({}, { path: "/?q=a%20b" }, { requestHeadersToAdd: add("x-new", value) });
    expect(decision.request().headers).toEqual(expect.arrayContaining(["x-new", expected]));
  });

  test("a gRPC response without grpc-status is judged by its HTTP status", () => {
    const rest = { responseHeadersToAdd: add("x-new", "%GRPC_STATUS%") };
    const decision = forward({}, { headers: { "content-type": "application/grpc" } }, rest);
    expect(decision.response(200, [])).toEqual(["x-new", "Unknown"]);
  });

  test("a stream duration is told to a gRPC upstream", () => {
    const maxStreamDuration = { maxStreamDuration: { seconds: 5n, nanos: 0 } };
    const decision = forward({ maxStreamDuration }, { headers: { "content-type": "application/grpc" } });
    expect(decision.request().headers).toEqual(expect.arrayContaining(["grpc-timeout", "5000m"]));
  });
});

describe("what the live Envoy says of paths and hosts", () => {
  test.each([
    ["//", "//"],
    ["///?q=//", "//?q=//"],
    ["/a//", "/a/"],
  ])("merge_slashes makes %s into %s", (path, expected) => {
    const manager = compileConnectionManager({ statPrefix: "s", mergeSlashes: true });
    expect(manager.accept(createRequest({ authority: "h", path }))).toMatchObject({ request: { path: expected } });
  });

  test("a target with a query right after its authority has no absolute path", () => {
    const request = fromIncomingMessage({ method: "GET", url: "http://a.test?x", httpVersion: "1.1", rawHeaders: [] });
    expect(compileConnectionManager({ statPrefix: "s" }).accept(request)).toMatchObject({
      kind: "reply",
      details: "absolute_path_rejected",
    });
  });

  test("a prefix that matched without parameters is not cut out of a path that has them", () => {
    const routes = [{ match: { prefix: "/a/b" }, route: { cluster: "c", prefixRewrite: "/new" } }];
    const table = compileRoutes({
      virtualHosts: [{ name: "v", domains: ["*"], routes }],
      ignorePathParametersInPathMatching: true,
    });
    const pathOf = (path: string) => {
      const decision = table.route(createRequest({ path }), { random: fixedRandom(0), now: 0 });
      return decision.kind === "forward" ? decision.request().path : undefined;
    };
    expect([pathOf("/a;p=1/b/c"), pathOf("/a/b/c")]).toEqual(["/a;p=1/b/c", "/new/c"]);
  });

  test("a CONNECT gets the port back that was cut off for routing, and a redirect of it has no location", () => {
    const manager = compileConnectionManager({ statPrefix: "s", stripAnyHostPort: true });
    const request = fromIncomingMessage({ method: "CONNECT", url: "h:443", httpVersion: "1.1", rawHeaders: [] });
    const admission = manager.accept(request);
    expect(admission.request).toMatchObject({ authority: "h", connectPort: "443" });
    const route = (action: Partial<Route>) =>
      compileRoutes({
        virtualHosts: [{ name: "v", domains: ["h"], routes: [{ match: { connectMatcher: {} }, ...action }] }],
      }).route(admission.request, { random: fixedRandom(0), now: 0 });
    const sent = route({ route: { cluster: "c" } });
    expect(sent.kind === "forward" && sent.request().authority).toBe("h:443");
    const redirect = route({ redirect: { httpsRedirect: true } });
    expect(redirect.kind === "redirect" && redirect.reply().headers).not.toContain("location");
  });
});

describe("what the live Envoy says of internal redirects", () => {
  const internalRedirectPolicy = { maxInternalRedirects: 2 };

  test.each(["/other", "//h/other", "h/other"])("a location of %s is not followed", (location) => {
    expect(forward({ internalRedirectPolicy }).internalRedirect(302, ["location", location], 0).kind).toBe("pass");
  });

  test("the next hop starts from the request that was sent", () => {
    const decision = forward(
      { internalRedirectPolicy, prefixRewrite: "/sent", hostRewriteLiteral: "up" },
      {},
      { requestHeadersToAdd: add("x-new", "1") },
    );
    const verdict = decision.internalRedirect(302, ["location", "http://next/x?q#f"], 0);
    expect(verdict).toMatchObject({ kind: "follow", request: { authority: "next", path: "/x?q" } });
    const headers = verdict.kind === "follow" ? verdict.request.headers : [];
    expect(headers).toEqual(expect.arrayContaining(["x-new", "1", "x-envoy-original-url", "http://up/sent"]));
  });
});

describe("what the live Envoy says of refusals", () => {
  const responseHeadersToAdd = add("x-rr", "route");

  test("a filter's answer has the response fields of a route that forwards", () => {
    const decision = forward({}, {}, { responseHeadersToAdd });
    expect(decision.refuse({ status: 403, body: "RBAC: access denied" }).headers.slice(0, 2)).toEqual([
      "x-rr",
      "route",
    ]);
  });

  test("and of a route whose cluster does not exist, but not of one that redirects", () => {
    const missing = decide({ route: { cluster: "none" }, responseHeadersToAdd });
    expect(missing.refuse({ status: 403 }).headers).toContain("x-rr");
    const redirect = decide({ redirect: {}, responseHeadersToAdd });
    expect(redirect.refuse({ status: 403 }).headers).not.toContain("x-rr");
  });

  test("filters are configured for redirects and direct responses too", () => {
    const typedPerFilterConfig = { rbac: { typeUrl: "type.googleapis.com/x", value: new Uint8Array() } };
    for (const action of [{ redirect: {} }, { directResponse: { status: 200 } }]) {
      const decision = decide({ ...action, typedPerFilterConfig });
      const view =
        decision.kind === "redirect" || decision.kind === "direct-response" ? decision.filterConfig("rbac") : undefined;
      expect(view).toMatchObject({ disabled: false });
    }
  });

  test("a direct response that points somewhere drops a default port as redirects do", () => {
    const headers = { "x-forwarded-proto": "HTTPS" };
    const decision = decide({ directResponse: { status: 301 } }, { scheme: "https", authority: "h:443", headers });
    expect(decision.kind === "direct-response" && decision.reply().headers).toContain("https://h/");
  });
});
