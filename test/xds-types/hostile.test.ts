import { messageType, parseResources, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Struct } from "@weftmesh/xds-types/google/protobuf";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";

const random = { seed: 20_261_121, numRuns: 2_000 };
// Generated cases are many, and a busy machine is slow.
vi.setConfig({ testTimeout: 60_000 });
const types = [Cluster, ClusterLoadAssignment, Struct, messageType("google.protobuf.Any")];

function outcome(read: () => unknown): "value" | "typed error" {
  try {
    read();
    return "value";
  } catch (error) {
    if (error instanceof XdsTypesError) return "typed error";
    throw error;
  }
}

describe("hostile bytes", () => {
  test.each(types.map((type) => ({ name: type.typeName, type })))("noise for $name", ({ type }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(outcome(() => type.decode(bytes))).toMatch(/value|typed error/);
      }),
      random,
    );
  });

  test("whatever decodes can be encoded, and then is stable", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(types.length - 1), (bytes, index) => {
        const type = messageType(types[index]?.typeName ?? "");
        fc.pre(outcome(() => type.decode(bytes)) === "value");
        const once = type.encode(type.decode(bytes));
        expect(type.encode(type.decode(once))).toEqual(once);
      }),
      random,
    );
  });

  test("unknown fields cost time in proportion to their number", () => {
    // Field 999 as a varint, 400,000 times: quadratic copying would move 240 GB.
    const field = [0xb8, 0x3e, 1];
    const bytes = Uint8Array.from({ length: field.length * 400_000 }, (_, index) => field[index % 3] ?? 0);
    expect(Buffer.compare(Cluster.encode(Cluster.decode(bytes)), bytes)).toBe(0);
  });

  test("a length of four gigabytes allocates nothing", () => {
    expect(outcome(() => Cluster.decode(Uint8Array.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])))).toBe("typed error");
    expect(outcome(() => Cluster.decode(Uint8Array.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07])))).toBe("typed error");
  });
});

describe("hostile values", () => {
  test.each([
    { name: "a key that is no integer", type: "cel.expr.CheckedExpr", value: { referenceMap: { x: {} } } },
    { name: "a list for a message", type: "envoy.config.cluster.v3.Cluster", value: { edsClusterConfig: [] } },
    { name: "a function in a Struct", type: "google.protobuf.Struct", value: { a: () => 1 } },
    { name: "a bigint in a Struct", type: "google.protobuf.Struct", value: { a: 1n } },
    { name: "null for a message", type: "envoy.config.cluster.v3.Cluster", value: null },
  ])("$name is a typed error", ({ type, value }) => {
    expect(outcome(() => messageType(type).encode(value))).toBe("typed error");
  });

  test("data that contains itself is a typed error", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["a"] = cyclic;
    expect(outcome(() => Struct.encode(cyclic as never))).toBe("typed error");
    expect(outcome(() => Struct.fromJson(cyclic as never))).toBe("typed error");
  });

  test("any JSON gives a message or a typed error, and no prototype changes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.nat(types.length - 1), (json, index) => {
        const type = messageType(types[index]?.typeName ?? "");
        expect(outcome(() => type.check(type.fromJson(json)))).toMatch(/value|typed error/);
      }),
      random,
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("any text gives resources or problems", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: fc.constantFrom(..."{}[]:,-&*<!|>'\"#% \n\tab1_@") }), (text) => {
        const { resources, issues } = parseResources(text, { type: "google.protobuf.Struct" });
        expect(resources.length + issues.length).toBeGreaterThan(0);
      }),
      random,
    );
  });
});
