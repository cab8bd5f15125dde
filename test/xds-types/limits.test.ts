import { type MessageType, parseResources, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { ListValue, Struct } from "@weftmesh/xds-types/google/protobuf";
import { describe, expect, test } from "vitest";

/** The code of what was thrown; `value` if nothing was. Anything but a typed error fails the test. */
function outcome(read: () => unknown): string {
  try {
    read();
    return "value";
  } catch (error) {
    if (error instanceof XdsTypesError) return error.code;
    throw error;
  }
}

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

// The long form is WEFTMESH_DAMAGED=200000.
const damaged = Number(process.env["WEFTMESH_DAMAGED"] ?? 8_000);

const routes = RouteConfiguration.encode({
  name: "r",
  virtualHosts: [
    { name: "v", domains: ["*", "é"], routes: [{ match: { prefix: "/" }, route: { cluster: "c" }, metadata: {} }] },
  ],
});
const listener = Listener.encode(
  Listener.fromJson({
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 80 } },
    filter_chains: [
      {
        filters: [
          {
            name: "t",
            typed_config: { "@type": "x/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", cluster: "c" },
          },
        ],
      },
    ],
    metadata: { filter_metadata: { a: { b: [1, null, "x", { c: true }] } } },
  } as never),
);

test.each([
  { name: "routes", type: RouteConfiguration as MessageType<unknown>, bytes: routes, seed: 1 },
  { name: "a listener", type: Listener as MessageType<unknown>, bytes: listener, seed: 2 },
])(
  "truncated and bit-flipped $name: a value or a typed error, and a value is whole",
  ({ type, bytes, seed }) => {
    const random = seeded(seed);
    const found = new Map<string, number>();
    for (let run = 0; run < damaged / 2; run++) {
      const copy = bytes.slice(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length);
      for (let flips = Math.floor(random() * 4); flips >= 0 && copy.length > 0; flips--) {
        const at = Math.floor(random() * copy.length);
        copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      }
      const code = outcome(() => {
        const message = type.decode(copy);
        type.check(message);
        type.encode(message);
      });
      found.set(code, (found.get(code) ?? 0) + 1);
    }
    expect([...found.keys()].sort()).toEqual(["ERR_XDS_TYPES_WIRE", "value"]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  },
  600_000,
);

describe("limits that the caller states", () => {
  const endpoints = ClusterLoadAssignment.encode({ endpoints: Array.from({ length: 500 }, () => ({})) });

  test("a message of many small values is refused before it is made", () => {
    expect(outcome(() => ClusterLoadAssignment.decode(endpoints, { maxValues: 500 }))).toBe("value");
    expect(outcome(() => ClusterLoadAssignment.decode(endpoints, { maxValues: 499 }))).toBe("ERR_XDS_TYPES_LIMIT");
    const list = ListValue.encode(Array.from({ length: 500 }, () => null));
    expect(outcome(() => ListValue.decode(list, { maxValues: 499 }))).toBe("ERR_XDS_TYPES_LIMIT");
  });

  test("so is JSON", () => {
    const json = { endpoints: Array.from({ length: 500 }, () => ({})) };
    expect(outcome(() => ClusterLoadAssignment.fromJson(json, { maxValues: 501 }))).toBe("value");
    expect(outcome(() => ClusterLoadAssignment.fromJson(json, { maxValues: 100 }))).toBe("ERR_XDS_TYPES_LIMIT");
    const struct = {
      a: [
        [1, 2],
        [3, 4],
      ],
    };
    expect(outcome(() => Struct.fromJson(struct, { maxValues: 5 }))).toBe("ERR_XDS_TYPES_LIMIT");
  });

  test("so is YAML whose aliases make much of little", () => {
    const text = `a: &a [${"x,".repeat(99)}x]\nb: [${"*a,".repeat(49)}*a]\n`;
    const options = { type: "google.protobuf.Struct", maxValues: 1_000 };
    expect(parseResources(text, options)).toMatchObject({ resources: [], issues: [{ code: "ERR_XDS_TYPES_LIMIT" }] });
    expect(parseResources(text, { type: "google.protobuf.Struct" }).issues).toEqual([]);
  });

  test("a billion laughs and an anchor inside itself are one problem each", () => {
    const laughs = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (const [before, name] of ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]) {
      laughs.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]`);
    }
    for (const text of [laughs.join("\n"), "a: &a { b: *a }", "&a [*a]"]) {
      const { resources, issues } = parseResources(text, { type: "google.protobuf.Struct" });
      expect(resources).toEqual([]);
      expect(issues).toHaveLength(1);
    }
  });

  test("strings of 100 MB pass through every codec, or are one problem", () => {
    const name = "x".repeat(100_000_000);
    const bytes = Cluster.encode({ name });
    expect(Cluster.decode(bytes).name?.length).toBe(name.length);
    expect(Cluster.fromJson({ name }).name?.length).toBe(name.length);
    expect(outcome(() => Cluster.fromJson({ [name]: 1 } as never))).toBe("ERR_XDS_TYPES_UNKNOWN_FIELD");
    expect(parseResources(name).issues).toMatchObject([{ code: "ERR_XDS_TYPES_LIMIT" }]);
    expect(outcome(() => Cluster.fromJson({ type: name } as never))).toBe("ERR_XDS_TYPES_JSON");
  }, 60_000);

  test("strings that are not UTF-8 are refused, as Envoy does", () => {
    expect(outcome(() => Cluster.decode(Uint8Array.of(10, 1, 0xff)))).toBe("ERR_XDS_TYPES_WIRE");
    expect(Cluster.decode(Uint8Array.of(10, 3, 0xef, 0xbf, 0xbd)).name).toBe("\uFFFD");
  });
});
