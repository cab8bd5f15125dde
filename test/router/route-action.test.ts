/** What a decision to forward holds besides the cluster: cookies, descriptors, settings, formats. Answers of Envoy 1.40 are named so. */
import {
  compileRoutes,
  createRequest,
  type Forward,
  fixedRandom,
  type RequestInit,
  type RouteOptions,
  type RouteRequest,
} from "@weftmesh/router";
import type { RateLimit, Route, RouteAction, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 0 };

interface Setup {
  readonly route?: Partial<Route>;
  readonly action?: Partial<RouteAction>;
  readonly host?: Partial<VirtualHost>;
  readonly options?: RouteOptions;
  readonly request?: RequestInit | RouteRequest;
}

function forward({ route, action, host, options, request = {} }: Setup): Forward {
  const own = { match: { prefix: "/" }, ...route, route: { cluster: "cart", ...action } } as Route;
  const table = compileRoutes({ virtualHosts: [{ name: "shop", domains: ["*"], routes: [own], ...host }] }, options);
  const decision = table.route(
    "method" in request && "scheme" in request
      ? (request as RouteRequest)
      : createRequest({ url: "http://shop.test/", ...request }),
    context,
  );
  if (decision.kind !== "forward") throw new Error(decision.kind);
  return decision;
}

const any = (type: string, message: object) => ({ typeUrl: `type.googleapis.com/${type}`, message });

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
    expect(settings.retryHosts).toEqual({ predicates: [predicate], priority: undefined, maxAttempts: 3, options: [] });
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

describe("rate-limit descriptors", () => {
  const limits = (rateLimits: readonly RateLimit[], setup: Setup = {}) =>
    forward({ ...setup, action: { rateLimits } }).rateLimits();
  const entriesOf = (action: object, setup: Setup = {}) => limits([{ actions: [action] }], setup)[0]?.entries;
  const flag = {
    runtime: (key: string) => key.endsWith("enable_formatter_for_ratelimit_action_descriptor_value") || undefined,
  };
  const headers = { "x-user-id": "123", "x-header-name": "test_value" };
  const match = { headers: [{ name: "x-header-name", stringMatch: { exact: "test_value" } }] };

  // Expectations of Envoy's router_ratelimit_test.cc: GenericKeyDescriptorFormat and its neighbours.
  test.each<[string, object, readonly unknown[] | undefined]>([
    [
      "a format string",
      { genericKey: { descriptorValue: "%REQ(x-user-id)%" } },
      [{ key: "generic_key", value: "123" }],
    ],
    [
      "plain text",
      { genericKey: { descriptorKey: "static_key", descriptorValue: "static_value" } },
      [{ key: "static_key", value: "static_value" }],
    ],
    ["without a value", { genericKey: { descriptorValue: "%REQ(x-none)%" } }, undefined],
    [
      "with something to fall back on",
      { genericKey: { descriptorValue: "%REQ(x-none)%", defaultValue: "unknown" } },
      [{ key: "generic_key", value: "unknown" }],
    ],
    [
      "of a header match",
      { headerValueMatch: { descriptorValue: "%REQ(x-user-id)%", ...match } },
      [{ key: "header_match", value: "123" }],
    ],
    [
      "of a header match without a value",
      {
        headerValueMatch: {
          descriptorValue: "%REQ(x-none)%",
          descriptorKey: "priority",
          defaultValue: "normal",
          ...match,
        },
      },
      [{ key: "priority", value: "normal" }],
    ],
    [
      "of a query match",
      { queryParameterValueMatch: { descriptorValue: "%REQ(x-user-id)%", queryParameters: [{ name: "a" }] } },
      [{ key: "query_match", value: "123" }],
    ],
  ])("formatted, where the runtime allows it: %s", (_, action, expected) => {
    expect(entriesOf(action, { options: flag, request: { path: "/?a=b", headers } })).toEqual(expected);
  });

  test("a bad format refuses the table, but only where formats are allowed", () => {
    const action = { genericKey: { descriptorValue: "%INVALID_COMMAND%" } };
    expect(() => entriesOf(action, { options: flag })).toThrow("ERR_ROUTER_FORMAT_INVALID");
    expect(entriesOf(action)).toEqual([{ key: "generic_key", value: "%INVALID_COMMAND%" }]);
  });

  test("an address match formats its value always", () => {
    const action = {
      remoteAddressMatch: {
        descriptorValue: "%REQ(x-user-id)%",
        addressMatcher: { ranges: [{ addressPrefix: "10.0.0.0", prefixLen: 8 }] },
      },
    };
    const at = (sourceAddress: string) => entriesOf(action, { request: { headers, connection: { sourceAddress } } });
    expect(at("10.1.2.3")).toEqual([{ key: "remote_address_match", value: "123" }]);
    expect(at("11.1.2.3")).toBeUndefined();
  });

  test("an extension: an input of matchers, or a registered one", () => {
    const input = {
      extension: {
        name: "user",
        typedConfig: any("envoy.type.matcher.v3.HttpRequestHeaderMatchInput", { headerName: "x-user-id" }),
      },
    };
    expect(entriesOf(input, { request: { headers } })).toEqual([{ key: "user", value: "123" }]);
    expect(entriesOf(input)).toBeUndefined();
    const own = { extension: { name: "own", typedConfig: any("test.Own", { key: "k" }) } };
    const factory = (config: unknown) => () => ({ key: (config as { key: string }).key, value: "v" });
    expect(entriesOf(own, { options: { extensions: { rateLimitDescriptors: { "test.Own": factory } } } })).toEqual([
      { key: "k", value: "v" },
    ]);
    expect(() => entriesOf(own)).toThrow("ERR_ROUTER_EXTENSION_UNKNOWN");
  });

  test("hits, limits and response fields", () => {
    const actions = [{ genericKey: { descriptorValue: "a" } }];
    const one = (limit: RateLimit, request = {}) => limits([{ actions, ...limit }], { request })[0];
    expect(one({})).toMatchObject({ hitsAddend: 1 });
    expect(one({ hitsAddend: { number: 5n, isNegativeHits: true } })).toMatchObject({ hitsAddend: -5 });
    const format = { hitsAddend: { format: "%REQ(x-cost)%" } };
    expect(one(format, { headers: { "x-cost": "7" } })).toMatchObject({ hitsAddend: 7 });
    expect(one(format, { headers: { "x-cost": "many" } })).toBeUndefined();
    expect(one({ limit: { rateLimit: { requestsPerUnit: 9, unit: "HOUR" } } })).toMatchObject({
      limit: { requestsPerUnit: 9, unit: "HOUR" },
    });
    expect(one({ xRatelimitOption: "DRAFT_VERSION_03" })).toMatchObject({ responseHeaders: "draft-03" });
  });

  test.each([
    ["OVERRIDE", ["own"]],
    ["INCLUDE", ["own", "host"]],
    ["IGNORE", ["own"]],
    [undefined, ["own"]],
  ] as const)("the filter's vh_rate_limits %s", (vhRateLimits, expected) => {
    const limit = (value: string) => [{ actions: [{ genericKey: { descriptorValue: value } }] }];
    const route = vhRateLimits && {
      typedPerFilterConfig: {
        rl: any("envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute", { vhRateLimits }),
      },
    };
    const host = { rateLimits: limit("host") };
    const values = (decision: Forward) => decision.rateLimits().map(({ entries }) => entries[0]?.value);
    expect(values(forward({ ...(route && { route }), host, action: { rateLimits: limit("own") } }))).toEqual(expected);
    const alone = vhRateLimits === "IGNORE" ? [] : ["host"];
    expect(values(forward({ ...(route && { route }), host }))).toEqual(alone);
  });
});

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

describe("format commands", () => {
  const connection = {
    ja3: "j3",
    ja4: "j4",
    tls: {
      presented: true,
      validated: true,
      otherNameSans: ["a", "b"],
      certificate: "-----BEGIN A-----\na+/=\n",
      validFrom: 0,
      validTo: 1_700_000_000_000,
    },
  };
  const header = (value: string, setup: Setup = {}) => {
    const route = { requestHeadersToAdd: [{ header: { key: "x-out", value: `[${value}]` } }] };
    const { headers } = forward({
      ...setup,
      route,
      request: { headers: { "x-request-id": "r-1" }, connection },
    }).request();
    return headers[headers.indexOf("x-out") + 1];
  };

  test.each([
    ["%TLS_JA3_FINGERPRINT%", "j3"],
    ["%TLS_JA4_FINGERPRINT%", "j4"],
    ["%DOWNSTREAM_PEER_OTHERNAME_SAN%", "a,b"],
    ["%DOWNSTREAM_PEER_CERT%", "-----BEGIN%20A-----%0Aa%2B%2F%3D%0A"],
    ["%DOWNSTREAM_PEER_CERT_V_START%", "1970-01-01T00:00:00.000Z"],
    ["%DOWNSTREAM_PEER_CERT_V_END(%Y-%m-%d)%", "2023-11-14"],
    ["%STREAM_ID%", "r-1"],
    ["%TRACE_ID%", ""],
  ])("%s", (format, expected) => {
    expect(header(format)).toBe(`[${expected}]`);
  });

  test("a unique ID is a UUID of the fourth kind, out of the random source", () => {
    expect(header("%UNIQUE_ID%")).toBe("[00000000-0000-4000-8000-000000000000]");
  });

  test("metadata of the cluster", () => {
    const options = { clusterMetadata: (cluster: string) => ({ a: { b: `of ${cluster}` } }) };
    expect(header("%CLUSTER_METADATA(a:b)%", { options })).toBe("[of cart]");
    expect(header("%CLUSTER_METADATA(a:c)%", { options })).toBe("[]");
  });
});
