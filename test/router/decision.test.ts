import {
  compileRoutes,
  createRequest,
  type Decision,
  type Forward,
  fixedRandom,
  type RequestInit,
} from "@weftmesh/router";
import type { Route, RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 1_700_000_000_000 };

function decide(route: Route, init: RequestInit = {}, rest: Partial<RouteConfiguration> = {}): Decision {
  const table = compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes: [route] }], ...rest });
  return table.route(createRequest({ authority: "shop.test:80", path: "/cart?id=1", ...init }), context);
}

function forward(route: Route, init: RequestInit = {}, rest: Partial<RouteConfiguration> = {}): Forward {
  const decision = decide(route, init, rest);
  if (decision.kind !== "forward") throw new Error(`expected forward, got ${decision.kind}`);
  return decision;
}

const all = { match: { prefix: "/" } };

describe("weighted clusters", () => {
  const clusters = [
    { name: "a", weight: 90 },
    { name: "none", weight: 0 },
    { name: "b", weight: 10 },
  ];
  test.each([
    [0, "a"],
    [89, "a"],
    [90, "b"],
    [99, "b"],
    [100, "a"],
  ])("random %d picks %s", (random, cluster) => {
    const table = compileRoutes({
      virtualHosts: [{ name: "v", domains: ["*"], routes: [{ ...all, route: { weightedClusters: { clusters } } }] }],
    });
    const decision = table.route(createRequest({ authority: "x" }), { random: fixedRandom(random), now: 0 });
    expect(decision).toMatchObject({ kind: "forward", cluster });
  });

  test("a header with a number decides instead of chance", () => {
    const route = { ...all, route: { weightedClusters: { clusters, headerName: "x-pick" } } };
    expect(forward(route, { headers: { "x-pick": "95" } }).cluster).toBe("b");
  });
});

describe("time limits", () => {
  test("default to 15 seconds", () => {
    expect(forward({ ...all, route: { cluster: "c" } }).timeouts).toMatchObject({ requestMs: 15_000, perTryMs: 0 });
  });

  test("a per-try limit that is not below the request's is ignored", () => {
    const retryPolicy = { perTryTimeout: { seconds: 5n } };
    expect(forward({ ...all, route: { cluster: "c", timeout: { seconds: 5n }, retryPolicy } }).timeouts.perTryMs).toBe(
      0,
    );
  });

  test("max_stream_duration switches the request limit off", () => {
    const route = { ...all, route: { cluster: "c", maxStreamDuration: { maxStreamDuration: { seconds: 20n } } } };
    expect(forward(route).timeouts).toMatchObject({ requestMs: 0, maxStreamMs: 20_000 });
  });

  test("a request header overrides the configured limit", () => {
    const headers = { "x-envoy-upstream-rq-timeout-ms": "50" };
    expect(forward({ ...all, route: { cluster: "c" } }, { headers }).timeouts.requestMs).toBe(50);
  });
});

describe("retries", () => {
  const withPolicy = (retryOn: string, rest: object = {}): Forward =>
    forward({ ...all, route: { cluster: "c", retryPolicy: { retryOn, numRetries: 2, ...rest } } });
  const response = (status: number, headers: string[] = []) => ({ kind: "response" as const, status, headers });
  const reset = (reason: "connect-failure" | "remote-reset" | "overflow" | "remote-refused-stream", sent = true) => ({
    kind: "reset" as const,
    reason,
    sent,
  });

  test.each([
    ["5xx", response(500), true],
    ["5xx", reset("remote-reset"), true],
    ["gateway-error", response(500), false],
    ["gateway-error", response(503), true],
    ["retriable-4xx", response(409), true],
    ["retriable-4xx", response(404), false],
    ["connect-failure", reset("connect-failure"), true],
    ["connect-failure", reset("remote-reset"), false],
    ["refused-stream", reset("remote-refused-stream"), true],
    ["reset", reset("overflow"), false],
    ["reset-before-request", reset("remote-reset", false), true],
    ["reset-before-request", reset("remote-reset"), false],
    [" 5xx , cancelled", response(200, ["grpc-status", "1"]), true],
    ["unavailable", response(200, ["grpc-status", "14"]), true],
    ["5xx", response(503, ["x-envoy-ratelimited", "true"]), false],
    ["envoy-ratelimited", response(429, ["x-envoy-ratelimited", "true"]), true],
    ["nonsense", response(503), false],
  ])("%s after %j: %s", (retryOn, outcome, retry) => {
    expect(withPolicy(retryOn).retry(outcome, 1, 0).retry).toBe(retry);
  });

  test("end at the limit", () => {
    expect(withPolicy("5xx").retry(response(503), 3, 0)).toEqual({ retry: false, reason: "limit" });
  });

  test("wait below the doubled base interval, at most the maximum", () => {
    const retryBackOff = { baseInterval: { seconds: 1n }, maxInterval: { seconds: 3n } };
    const table = compileRoutes({
      virtualHosts: [
        {
          name: "v",
          domains: ["*"],
          routes: [{ ...all, route: { cluster: "c", retryPolicy: { retryOn: "5xx", numRetries: 9, retryBackOff } } }],
        },
      ],
    });
    const decision = table.route(createRequest({ authority: "x" }), { random: () => 0.999_999, now: 0 });
    const waits = [1, 2, 3, 4].map((attempt) =>
      decision.kind === "forward" ? decision.retry(response(503), attempt, 0) : undefined,
    );
    expect(waits).toMatchObject([{ delayMs: 999 }, { delayMs: 1999 }, { delayMs: 2999 }, { delayMs: 2999 }]);
  });

  test("a rate-limited response says how long to wait", () => {
    const rateLimitedRetryBackOff = { resetHeaders: [{ name: "retry-after", format: "SECONDS" as const }] };
    const verdict = withPolicy("5xx", { rateLimitedRetryBackOff }).retry(response(503, ["retry-after", "2"]), 1, 0);
    expect(verdict).toMatchObject({ retry: true, delayMs: 2000 });
  });

  test("request headers add conditions", () => {
    const decision = forward(
      { ...all, route: { cluster: "c" } },
      { headers: { "x-envoy-retry-on": "5xx", "x-envoy-max-retries": "4" } },
    );
    expect(decision.maxRetries).toBe(4);
    expect(decision.retry(response(500), 4, 0).retry).toBe(true);
  });
});

describe("what goes upstream", () => {
  test("carries rewrites with their originals", () => {
    const sent = forward({
      ...all,
      route: { cluster: "c", prefixRewrite: "/v2/", hostRewriteLiteral: "up" },
    }).request();
    expect(sent).toMatchObject({ path: "/v2/cart?id=1", authority: "up" });
    expect(sent.headers.join()).toContain("x-envoy-original-host,shop.test:80,x-envoy-original-path,/cart?id=1");
  });

  test("levels run from route to table, or the other way round", () => {
    const add = (value: string) => [
      { header: { key: "x-l", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" as const },
    ];
    const route = { ...all, route: { cluster: "c" }, requestHeadersToAdd: add("route") };
    const last = (rest: object): string =>
      forward(route, {}, { requestHeadersToAdd: add("table"), ...rest })
        .request()
        .headers.at(-1) ?? "";
    expect([last({}), last({ mostSpecificHeaderMutationsWins: true })]).toEqual(["table", "route"]);
  });

  test("a mirror gets -shadow before the port", () => {
    const route = { ...all, route: { cluster: "c", requestMirrorPolicies: [{ cluster: "s" }] } };
    expect(forward(route).mirrors()).toMatchObject([{ cluster: "s", request: { authority: "shop.test-shadow:80" } }]);
    // As Envoy 1.40 sent them.
    for (const [authority, shadow] of [
      ["shop", "shop-shadow"],
      ["[::1]:80", "[::1]-shadow:80"],
      ["[::1]", "[::1]-shadow"],
      ["a:b:c", "a:b-shadow:c"],
    ])
      expect(forward(route, { authority }).mirrors()).toMatchObject([{ request: { authority: shadow } }]);
  });

  test("an upgrade is mirrored, as Envoy 1.40 does, a CONNECT is not", () => {
    const route = { ...all, route: { cluster: "c", requestMirrorPolicies: [{ cluster: "s" }] } };
    const headers = { connection: "upgrade", upgrade: "websocket" };
    const [mirror] = forward(route, { headers }).mirrors();
    expect(mirror?.request.headers.slice(0, 4)).toEqual(["connection", "upgrade", "upgrade", "websocket"]);
    expect(forward({ ...route, match: { connectMatcher: {} } }, { method: "CONNECT" }).mirrors()).toEqual([]);
  });

  test("the hash is xxHash64, rotated and combined within 64 bits", () => {
    const hashPolicy = [{ header: { headerName: "a" } }, { header: { headerName: "b" } }];
    const hash =
      forward({ ...all, route: { cluster: "c", hashPolicy } }, { headers: { a: "foo", b: "bar" } }).hash() ?? 0n;
    expect(hash).toBeLessThan(2n ** 64n);
    expect(
      forward(
        { ...all, route: { cluster: "c", hashPolicy: hashPolicy.slice(0, 1) } },
        { headers: { a: "foo" } },
      ).hash(),
    ).toBe(0x33bf00a859c4ba3fn);
  });

  test("rate-limit descriptors come in the order of their actions, and a failing action drops the whole", () => {
    const actions = [
      { genericKey: { descriptorValue: "v" } },
      { requestHeaders: { headerName: "x-u", descriptorKey: "u" } },
    ];
    const route = { ...all, route: { cluster: "c", rateLimits: [{ actions }] } };
    expect(forward(route).rateLimits()).toEqual([]);
    expect(forward(route, { headers: { "x-u": "7" } }).rateLimits()).toMatchObject([
      {
        entries: [
          { key: "generic_key", value: "v" },
          { key: "u", value: "7" },
        ],
      },
    ]);
  });

  test("an internal redirect is followed within its rules", () => {
    const route = { ...all, route: { cluster: "c", internalRedirectPolicy: {} } };
    const verdict = forward(route).internalRedirect(302, ["location", "http://other.test/x?y"], 0);
    expect(verdict).toMatchObject({ kind: "follow", request: { authority: "other.test", path: "/x?y" } });
    expect(forward(route).internalRedirect(302, ["location", "https://other.test/"], 0)).toMatchObject({
      kind: "pass",
    });
    expect(forward(route).internalRedirect(302, ["location", "/x"], 1)).toMatchObject({ kind: "pass" });
  });
});

describe("hostile input", () => {
  test("prototype names are ordinary names", () => {
    const headers = [{ name: "__proto__", stringMatch: { exact: "x" } }];
    const route = { match: { prefix: "/", headers }, route: { cluster: "c" } };
    expect(decide(route).kind).toBe("no-route");
    expect(decide(route, { headers: [["__proto__", "x"]] }).kind).toBe("forward");
  });

  test("ten thousand fields, parameters and a long path are answered", () => {
    const headers = Array.from({ length: 10_000 }, (_, i) => [`h${i}`, "v"] as const);
    const query = Array.from({ length: 10_000 }, (_, i) => `q${i}=1`).join("&");
    const match = {
      prefix: "/",
      headers: [{ name: "h9999", presentMatch: true }],
      queryParameters: [{ name: "q9999" }],
    };
    expect(decide({ match, route: { cluster: "c" } }, { headers, path: `/${"a".repeat(100_000)}?${query}` }).kind).toBe(
      "forward",
    );
  });

  test.each(["", "?", "#", "no-slash", "/\0", "/\ud800", "/\u00ff"])("path %j is answered", (path) => {
    expect(["forward", "no-route"]).toContain(decide({ ...all, route: { cluster: "c" } }, { path }).kind);
  });
});
