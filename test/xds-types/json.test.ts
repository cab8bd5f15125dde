import { messageType, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration, RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import { FractionalPercent } from "@weftmesh/xds-types/envoy/type/v3";
import { Struct, Value } from "@weftmesh/xds-types/google/protobuf";
import { describe, expect, test } from "vitest";

function problems(read: () => unknown): readonly { code: string; path: string; message: string }[] {
  try {
    read();
  } catch (error) {
    if (error instanceof XdsTypesError) return error.issues;
    throw error;
  }
  return [];
}

// https://protobuf.dev/programming-guides/json/
describe("ProtoJSON, reading", () => {
  test.each([
    { name: "either spelling", json: { connect_timeout: "1s" }, expected: { connectTimeout: { seconds: 1n } } },
    { name: "camelCase", json: { connectTimeout: "1s" }, expected: { connectTimeout: { seconds: 1n } } },
    {
      name: "fractions of a second",
      json: { connectTimeout: "1.5s" },
      expected: { connectTimeout: { seconds: 1n, nanos: 500_000_000 } },
    },
    {
      name: "negative durations",
      json: { connectTimeout: "-0.25s" },
      expected: { connectTimeout: { nanos: -250_000_000 } },
    },
    {
      name: "durations as objects, as Envoy's loader does",
      json: { connectTimeout: { seconds: 25 } },
      expected: { connectTimeout: { seconds: 25n } },
    },
    { name: "enum names", json: { type: "EDS" }, expected: { type: "EDS" } },
    { name: "enum numbers", json: { type: 3 }, expected: { type: "EDS" } },
    { name: "unknown enum numbers", json: { type: 99 }, expected: { type: 99 } },
    { name: "enum names in any case, as Envoy does", json: { type: "strict_dns" }, expected: { type: "STRICT_DNS" } },
    {
      name: "wrappers as bare values",
      json: { perConnectionBufferLimitBytes: 0 },
      expected: { perConnectionBufferLimitBytes: 0 },
    },
    { name: "quoted booleans, as Envoy does", json: { respectDnsTtl: "true" }, expected: { respectDnsTtl: true } },
    {
      name: "other words for booleans, as Envoy does",
      json: { respectDnsTtl: "Yes" },
      expected: { respectDnsTtl: true },
    },
    {
      name: "wrappers as the messages they are, as Envoy does",
      json: { perConnectionBufferLimitBytes: { value: 7 } },
      expected: { perConnectionBufferLimitBytes: 7 },
    },
    {
      name: "leading zeros and hexadecimal integers in strings, as Envoy does",
      json: { perConnectionBufferLimitBytes: "0x1F", maxRequestsPerConnection: "03" },
      expected: { perConnectionBufferLimitBytes: 31, maxRequestsPerConnection: 3 },
    },
    {
      name: "a value alone for a list of one, as Envoy does",
      json: { healthChecks: {} },
      expected: { healthChecks: [{}] },
    },
    {
      name: "a list in a list for its items, as Envoy does",
      json: { healthChecks: [[{}], {}] },
      expected: { healthChecks: [{}, {}] },
    },
    { name: "null as absent", json: { name: null, connectTimeout: null }, expected: {} },
    { name: "defaults as absent", json: { name: "", respectDnsTtl: false, healthChecks: [] }, expected: {} },
  ])("$name", ({ json, expected }) => {
    expect(Cluster.fromJson(json as never)).toEqual(expected);
  });

  test.each([
    { name: "integers in strings", json: "7", expected: 7 },
    { name: "integers with exponent", json: "1e2", expected: 100 },
    { name: "whole floats", json: 3.0, expected: 3 },
  ])("$name", ({ json, expected }) => {
    expect(FractionalPercent.fromJson({ numerator: json })).toEqual({ numerator: expected });
  });

  test.each([
    { name: "a negative uint32", json: { numerator: -1 } },
    { name: "a uint32 beyond its range", json: { numerator: 4_294_967_296 } },
    { name: "a fraction", json: { numerator: 1.5 } },
    { name: "a number with blanks", json: { numerator: " 1" } },
    { name: "a hexadecimal fraction", json: { numerator: "0x1.8" } },
    { name: "an empty string", json: { numerator: "" } },
    { name: "a boolean", json: { numerator: true } },
    { name: "a list", json: { numerator: [1] } },
  ])("refuses $name for an integer", ({ json }) => {
    expect(problems(() => FractionalPercent.fromJson(json as never))).toMatchObject([
      { code: "ERR_XDS_TYPES_JSON", path: "numerator" },
    ]);
  });

  test("null is a value where the field is a Value", () => {
    expect(Value.fromJson(null)).toBeNull();
    expect(Struct.fromJson({ a: null })).toEqual({ a: null });
  });

  test("keys such as __proto__ are ordinary and pollute nothing", () => {
    const struct = Struct.fromJson(JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}'));
    expect(Object.keys(struct)).toEqual(["__proto__", "constructor"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Struct.fromJson(Struct.toJson(Struct.decode(Struct.encode(struct))) as never)).toEqual(struct);
  });

  test("an Any of a known type becomes its message", () => {
    const listener = Listener.fromJson({
      name: "l",
      filter_chains: [
        {
          filters: [
            {
              name: "tcp",
              typed_config: {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                stat_prefix: "s",
                cluster: "c",
              },
            },
          ],
        },
      ],
    });
    expect(listener.filterChains?.[0]?.filters?.[0]?.typedConfig?.message).toEqual({ statPrefix: "s", cluster: "c" });
    expect(Listener.fromJson(Listener.toJson(Listener.decode(Listener.encode(listener))) as never)).toEqual(listener);
  });

  test("reports every problem at once, with its path in the spelling of the input", () => {
    const found = problems(() =>
      RouteConfiguration.fromJson({
        virtualHosts: [
          { name: "a", domans: ["*"], routes: [{ match: { prefix: "/", path: "/x" }, route: { cluster: 1 } }] },
          { name: "b", domains: 1 },
        ],
        nonsense: 1,
      } as never),
    );
    expect(found.map(({ code, path }) => [code, path])).toEqual([
      ["ERR_XDS_TYPES_UNKNOWN_FIELD", "virtualHosts[0].domans"],
      ["ERR_XDS_TYPES_DUPLICATE_FIELD", "virtualHosts[0].routes[0].match.path"],
      ["ERR_XDS_TYPES_JSON", "virtualHosts[0].routes[0].route.cluster"],
      ["ERR_XDS_TYPES_JSON", "virtualHosts[1].domains"],
      ["ERR_XDS_TYPES_UNKNOWN_FIELD", "nonsense"],
    ]);
    expect(found[0]?.message).toContain("did you mean domains?");
  });

  test("what stands in a sensitive field is not repeated in a problem", () => {
    const type = messageType("envoy.extensions.transport_sockets.tls.v3.TlsCertificate");
    const [problem, ...rest] = problems(() => type.fromJson({ private_key: { inline_bytes: "hunter2!" } }));
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({ code: "ERR_XDS_TYPES_JSON", path: "private_key.inline_bytes" });
    expect(problem?.message).not.toContain("hunter2");
  });

  // Recorded from Envoy 1.40.0, which loads such a table.
  test("of a field in both spellings the later one counts", () => {
    expect(RouteMatch.fromJson({ case_sensitive: true, caseSensitive: false })).toEqual({ caseSensitive: false });
    expect(RouteMatch.fromJson({ path_separated_prefix: "/a", pathSeparatedPrefix: "/b" } as never)).toEqual({
      pathSeparatedPrefix: "/b",
    });
  });

  test("unknown fields can be ignored", () => {
    expect(Cluster.fromJson({ name: "c", later: 1 } as never, { unknownFields: "ignore" })).toEqual({ name: "c" });
  });

  test("an unknown type in an Any is named", () => {
    const json = {
      filter_chains: [{ filters: [{ name: "x", typed_config: { "@type": "type.googleapis.com/no.Such" } }] }],
    };
    expect(problems(() => Listener.fromJson(json))).toMatchObject([
      { code: "ERR_XDS_TYPES_UNKNOWN_TYPE", path: "filter_chains[0].filters[0].typed_config.@type" },
    ]);
  });

  test("values nested beyond the limit are refused, not followed", () => {
    let deep: unknown = {};
    for (let level = 0; level < 5000; level++) deep = { a: deep };
    expect(problems(() => Struct.fromJson(deep as never))).toMatchObject([{ code: "ERR_XDS_TYPES_LIMIT" }]);
  });
});

describe("ProtoJSON, writing", () => {
  test("fields come in the order of their numbers, in the spelling asked for", () => {
    const assignment = ClusterLoadAssignment.fromJson({ policy: { overprovisioning_factor: 140 }, clusterName: "c" });
    expect(JSON.stringify(ClusterLoadAssignment.toJson(assignment))).toBe(
      '{"clusterName":"c","policy":{"overprovisioningFactor":140}}',
    );
    expect(JSON.stringify(ClusterLoadAssignment.toJson(assignment, { fieldNames: "snake_case" }))).toBe(
      '{"cluster_name":"c","policy":{"overprovisioning_factor":140}}',
    );
  });
});

describe("what stands in a sensitive field", () => {
  const type = messageType("envoy.extensions.transport_sockets.tls.v3.TlsCertificate");

  test("is not repeated when it cannot be encoded", () => {
    const encode = (): unknown => type.encode({ privateKey: { inlineBytes: "hunter2" } });
    expect(encode).toThrow(
      expect.objectContaining({ path: "private_key.inline_bytes", message: expect.not.stringContaining("hunter2") }),
    );
  });

  test("is kept in JSON, or withheld if asked", () => {
    const message = type.fromJson({ certificate_chain: { filename: "c" }, private_key: { inline_string: "hunter2" } });
    expect(type.toJson(message)).toMatchObject({ privateKey: { inlineString: "hunter2" } });
    expect(type.toJson(message, { sensitive: "withhold" })).toEqual({
      certificateChain: { filename: "c" },
      privateKey: "(withheld: the field is sensitive)",
    });
  });
});
