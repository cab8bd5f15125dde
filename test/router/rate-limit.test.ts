/** Rate-limit descriptors: values, extensions, hits, and which level counts. */
import type { Forward } from "@weftmesh/router";
import type { RateLimit } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";
import { any, forward, type Setup } from "./forward.js";

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
