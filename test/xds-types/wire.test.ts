import { messageType, unknownFields, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { RouteConfiguration, RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import { Struct } from "@weftmesh/xds-types/google/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const assignment = ClusterLoadAssignment.fromJson({
  cluster_name: "shop",
  endpoints: [
    {
      locality: { region: "eu", zone: "a" },
      lb_endpoints: [
        {
          endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 80 } } },
          load_balancing_weight: 3,
        },
      ],
    },
  ],
  policy: { drop_overloads: [{ category: "x", drop_percentage: { numerator: 5 } }] },
});

describe("the wire format", () => {
  test("fields of a newer schema survive", () => {
    // Field 1000, length-delimited, and field 1001, a varint: no message has them.
    const bytes = Uint8Array.from([...Cluster.encode({ name: "c" }), 0xc2, 0x3e, 2, 104, 105, 0xc8, 0x3e, 7]);
    const cluster = Cluster.decode(bytes);
    expect((cluster as { [unknownFields]?: Uint8Array })[unknownFields]).toHaveLength(8);
    expect(Cluster.encode({ ...cluster, name: "d" })).toHaveLength(bytes.length);
    expect(Cluster.encode(cluster)).toEqual(bytes);
  });

  test("the last member of a oneof wins", () => {
    const bytes = Uint8Array.from([...RouteMatch.encode({ prefix: "/a" }), ...RouteMatch.encode({ path: "/b" })]);
    expect(RouteMatch.decode(bytes)).toEqual({ path: "/b" });
  });

  test("a message field given twice is merged", () => {
    const one = Cluster.encode({ edsClusterConfig: { serviceName: "s" } });
    const two = Cluster.encode({ edsClusterConfig: { edsConfig: { ads: {} } } });
    expect(Cluster.decode(Uint8Array.from([...one, ...two])).edsClusterConfig).toEqual({
      serviceName: "s",
      edsConfig: { ads: {} },
    });
  });

  test("a value that does not fit names its path", () => {
    const bad = { clusterName: "c", endpoints: [{ lbEndpoints: [{ loadBalancingWeight: -1 }] }] };
    expect(() => ClusterLoadAssignment.encode(bad)).toThrow(
      expect.objectContaining({
        code: "ERR_XDS_TYPES_VALUE",
        path: "endpoints[0].lb_endpoints[0].load_balancing_weight",
      }),
    );
  });

  test("a type the schema does not have is an error of its own", () => {
    expect(() => messageType("no.Such").decode(new Uint8Array())).toThrow(
      expect.objectContaining({ code: "ERR_XDS_TYPES_UNKNOWN_TYPE" }),
    );
  });

  test("messages beyond the depth limit are refused", () => {
    let json: unknown = 1;
    for (let level = 0; level < 90; level++) json = { a: json };
    expect(() => Struct.encode({ a: json } as never)).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_VALUE" }));
    // The same by hand: fields { key, struct_value { fields { … } } }, one more level each time.
    let bytes: number[] = [];
    for (let level = 0; level < 300; level++) bytes = nest(bytes);
    expect(() => Struct.decode(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: "ERR_XDS_TYPES_WIRE" }),
    );
  });

  test.each([
    { name: "assignments", type: ClusterLoadAssignment, bytes: ClusterLoadAssignment.encode(assignment) },
    {
      name: "routes",
      type: RouteConfiguration,
      bytes: RouteConfiguration.encode(
        RouteConfiguration.fromJson({
          name: "r",
          virtual_hosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "c" } }] }],
        }),
      ),
    },
  ])("damaged $name give a value or a typed error", ({ type, bytes }) => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, end) => {
        const damaged = bytes.slice(0, end);
        if (at < end) damaged[at] = value;
        return isValueOrTypedError(() => type.decode(damaged));
      }),
      { seed: 7, numRuns: 20_000 },
    );
  });
});

function isValueOrTypedError(read: () => unknown): boolean {
  try {
    return typeof read() === "object";
  } catch (error) {
    return error instanceof XdsTypesError;
  }
}

function nest(inner: readonly number[]): number[] {
  const value = [0x2a, ...varint(inner.length), ...inner];
  const entry = [0x0a, 1, 97, 0x12, ...varint(value.length), ...value];
  return [0x0a, ...varint(entry.length), ...entry];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
