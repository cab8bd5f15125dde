/** What a decision to forward holds besides the cluster: cookies, settings, retries, redirects. Answers of Envoy 1.40 are named so. */
import { compileRoutes, createRequest, type RequestInit } from "@weftmesh/router";
import type { Route, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";
import { any, context, forward } from "./forward.js";

describe("a cookie in the hash policy", () => {
  const cookie = {
    name: "aff",
    ttl: { seconds: 60n },
    path: "/p",
    attributes: [{ name: "SameSite", value: "Lax" }, { name: "Secure" }],
  };
  const from = (sourcePort: number, destinationPort: number, headers = {}): RequestInit => ({
    headers,
    connection: { sourceAddress: "127.0.0.1", sourcePort, destinationAddress: "127.0.0.1", destinationPort },
  });

  // Envoy 1.40 gave these to connections with these ports.
  test.each([
    [47934, 41463, "a31d0ab7da7eb689"],
    [46196, 42267, "633b43bc1156b65c"],
  ] as const)("is made for a connection as Envoy makes it: %s", (sourcePort, destinationPort, value) => {
    const decision = forward({ action: { hashPolicy: [{ cookie }] }, request: from(sourcePort, destinationPort) });
    const hash = decision.hash();
    expect(hash).toBeTypeOf("bigint");
    expect(decision.response(200, ["x-a", "b"])).toEqual([
      "x-a",
      "b",
      "set-cookie",
      `aff="${value}"; Max-Age=60; Path=/p; SameSite=Lax; Secure; HttpOnly`,
    ]);
    const again = forward({ action: { hashPolicy: [{ cookie }] }, request: from(1, 2, { cookie: `aff=${value}` }) });
    expect(again.hash()).toBe(hash);
    expect(again.response(200, [])).toEqual([]);
  });

  test("is not set where nobody asked for the hash, where it was not reached, or without ttl", () => {
    const request = from(1, 2, { "x-user": "a" });
    expect(forward({ action: { hashPolicy: [{ cookie }] }, request }).response(200, [])).toEqual([]);
    const first = { header: { headerName: "x-user" }, terminal: true };
    for (const hashPolicy of [[first, { cookie }], [{ cookie: { name: "aff" } }]]) {
      const decision = forward({ action: { hashPolicy }, request });
      decision.hash();
      expect(decision.response(200, [])).toEqual([]);
    }
  });

  test("with a ttl of 0 lives as long as the browser", () => {
    const decision = forward({ action: { hashPolicy: [{ cookie: { name: "s", ttl: {} } }] }, request: from(1, 2) });
    decision.hash();
    expect(decision.response(200, []).at(-1)).toMatch(/^s="[0-9a-f]{16}"; HttpOnly$/);
  });
});

describe("auto_host_rewrite", () => {
  test("takes the name of the chosen host and keeps the old one, as Envoy does", () => {
    const decision = forward({ action: { autoHostRewrite: true, appendXForwardedHost: true } });
    expect(decision.settings.autoHostRewrite).toBe(true);
    expect(decision.request(1, { hostname: "host.name" })).toMatchObject({
      authority: "host.name",
      headers: [
        "x-forwarded-proto",
        "http",
        "x-envoy-expected-rq-timeout-ms",
        "15000",
        "x-envoy-original-host",
        "shop.test",
        "x-forwarded-host",
        "shop.test",
      ],
    });
    expect(decision.request(1)).toMatchObject({ authority: "shop.test" });
    expect(forward({}).request(1, { hostname: "host.name" })).toMatchObject({ authority: "shop.test" });
  });
});

describe("settings", () => {
  test("the buffer: the route's new field, the host's, then the deprecated ones", () => {
    const bytes = (route: Partial<Route>, host: Partial<VirtualHost>) =>
      forward({ route, host }).settings.bodyBufferBytes;
    const all = [
      { requestBodyBufferLimit: 1n, perRequestBufferLimitBytes: 2 },
      { requestBodyBufferLimit: 3n, perRequestBufferLimitBytes: 4 },
    ] as const;
    expect(bytes(all[0], all[1])).toBe(1);
    expect(bytes({ perRequestBufferLimitBytes: 2 }, all[1])).toBe(3);
    expect(bytes({ perRequestBufferLimitBytes: 2 }, { perRequestBufferLimitBytes: 4 })).toBe(2);
    expect(bytes({}, { perRequestBufferLimitBytes: 4 })).toBe(4);
    expect(bytes({}, {})).toBeUndefined();
  });

  test("tracing, with Envoy's defaults", () => {
    expect(forward({}).settings.tracing).toEqual({
      operation: "",
      upstreamOperation: "",
      propagate: true,
      sampling: { client: 1, random: 1, overall: 1 },
      customTags: [],
    });
    const route = {
      decorator: { operation: "cart", propagate: false },
      tracing: {
        clientSampling: { numerator: 5 },
        overallSampling: { numerator: 1, denominator: "MILLION" as const },
        upstreamOperation: "up",
        customTags: [{ tag: "a" }],
      },
    };
    expect(forward({ route }).settings.tracing).toEqual({
      operation: "cart",
      upstreamOperation: "up",
      propagate: false,
      sampling: { client: 0.05, random: 1, overall: 1e-6 },
      customTags: [{ tag: "a" }],
    });
  });

  test("hosts of retries, early data, and the status of a timeout", () => {
    const predicate = {
      name: "previous",
      typedConfig: any("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
    };
    const retryPolicy = { retryOn: "5xx", retryHostPredicate: [predicate], hostSelectionRetryMaxAttempts: 3n };
    const { settings } = forward({ host: { retryPolicy }, action: { earlyDataPolicy: predicate } });
    expect(settings.retryHosts).toEqual({
      predicates: [predicate],
      priority: undefined,
      maxAttempts: 3,
      refreshCluster: false,
      options: [],
    });
    expect(settings.earlyDataPolicy).toEqual(predicate);
    expect(forward({}).settings.retryHosts.maxAttempts).toBe(1);
    expect(forward({}).timeoutStatus).toBe(504);
    expect(forward({ request: { headers: { "x-envoy-upstream-rq-timeout-alt-response": "1" } } }).timeoutStatus).toBe(
      204,
    );
  });

  test("the number of the attempt, and whether a timeout caused it", () => {
    const host = {
      includeRequestAttemptCount: true,
      includeAttemptCountInResponse: true,
      includeIsTimeoutRetryHeader: true,
    };
    const decision = forward({ host });
    const field = (headers: readonly string[], name: string) => headers[headers.indexOf(name) + 1];
    expect(decision.request(1).headers).not.toContain("x-envoy-is-timeout-retry");
    expect(field(decision.request(2, { afterTimeout: true }).headers, "x-envoy-is-timeout-retry")).toBe("true");
    expect(field(decision.request(3).headers, "x-envoy-is-timeout-retry")).toBe("false");
    expect(field(decision.request(3).headers, "x-envoy-attempt-count")).toBe("3");
    expect(decision.response(200, [], 3)).toEqual(["x-envoy-attempt-count", "3"]);
  });
});

describe("an internal redirect", () => {
  const predicate = (name: string, message: object) => ({
    name,
    typedConfig: any(`envoy.extensions.internal_redirect.${name}`, message),
  });
  const verdict = (predicates: readonly object[], visited?: readonly string[], location = "http://shop.test/to") => {
    const routes = [
      { name: "to", match: { path: "/to" }, route: { cluster: "to" } },
      { name: "other", match: { path: "/other" }, route: { cluster: "other" } },
      {
        name: "from",
        match: { path: "/" },
        route: { cluster: "from", internalRedirectPolicy: { maxInternalRedirects: 5, predicates } },
      },
    ] as Route[];
    const table = compileRoutes({ virtualHosts: [{ name: "shop", domains: ["*"], routes }] });
    const decision = table.route(createRequest({ url: "http://shop.test/" }), context);
    return decision.kind === "forward" ? decision.internalRedirect(302, ["location", location], 0, visited) : undefined;
  };
  const listed = predicate("allow_listed_routes.v3.AllowListedRoutesConfig", { allowedRouteNames: ["to"] });
  const previous = predicate("previous_routes.v3.PreviousRoutesConfig", {});

  // Filter::convertRequestHeadersForInternalRedirect of Envoy's router.cc: a route must take the new request, and every predicate accept it.
  test.each<[string, ReturnType<typeof verdict>, object]>([
    ["is followed to a route", verdict([]), { kind: "follow", routeName: "to", request: { path: "/to" } }],
    ["is not followed to where no route is", verdict([], [], "http://shop.test/none"), { kind: "pass" }],
    ["is followed to a listed route", verdict([listed]), { kind: "follow" }],
    [
      "is not followed to another",
      verdict([listed], [], "http://shop.test/other"),
      { kind: "pass", reason: 'route "other" is not on the list' },
    ],
    ["is followed to a new route", verdict([previous], ["other"]), { kind: "follow" }],
    [
      "is not followed to a visited one",
      verdict([previous], ["to"]),
      { kind: "pass", reason: 'route "to" was visited before' },
    ],
  ])("%s", (_, found, expected) => {
    expect(found).toMatchObject(expected);
  });
});

describe("a retry after 425", () => {
  // RetryStateImpl::wouldRetryFromHeaders: at once and without early data, unless the client itself sent early data.
  const retry = (headers: Record<string, string>) =>
    forward({
      action: { retryPolicy: { retryOn: "retriable-status-codes", retriableStatusCodes: [425] } },
      request: { headers },
    }).retry({ kind: "response", status: 425, headers: [] }, 1, 0);
  test("is sent at once, without early data", () => {
    expect(retry({})).toEqual({ retry: true, delayMs: 0, condition: "retriable-status-codes", withoutEarlyData: true });
    expect(retry({ "early-data": "1" })).toEqual({ retry: false, reason: "not-retriable" });
  });
});
