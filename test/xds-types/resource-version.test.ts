import { createHash } from "node:crypto";
import { messageType, parseResources, resourceVersion } from "@weftmesh/xds-types";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../packages/xds-types/src/sha256.js";

describe("sha256", () => {
  test("agrees with OpenSSL at every length around the block", () => {
    for (let length = 0; length <= 200; length++) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 255);
      expect(Buffer.from(sha256(bytes)).toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });

  test("agrees with OpenSSL on views into larger buffers", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(20), (bytes, start) => {
        const view = bytes.subarray(Math.min(start, bytes.length));
        const expected = createHash("sha256").update(view).digest("hex");
        return Buffer.from(sha256(view)).toString("hex") === expected;
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe("the version of a resource", () => {
  const versionOf = (text: string, type = "envoy.config.cluster.v3.Cluster"): string => {
    const [resource] = parseResources(text, { type }).resources;
    if (resource === undefined) throw new Error("the text was to be read");
    return resourceVersion(resource);
  };

  test("depends on the content alone", () => {
    const version = versionOf("name: c\nconnect_timeout: 1s\n");
    expect(version).toMatch(/^[0-9a-f]{32}$/);
    expect(versionOf('{"connectTimeout":"1.0s","name":"c","respectDnsTtl":false}')).toBe(version);
    expect(versionOf("name: c\nconnect_timeout: 2s\n")).not.toBe(version);
  });

  test("does not depend on the order of a map", () => {
    const metadata = (body: string): string => versionOf(`{"name":"c","metadata":{"filter_metadata":{${body}}}}`);
    expect(metadata('"a":{"x":1,"y":2},"b":{}')).toBe(metadata('"b":{},"a":{"y":2,"x":1}'));
  });

  test("does not depend on whether an Any was opened, also of an empty message", () => {
    const name = "envoy.extensions.upstreams.http.generic.v3.GenericConnectionPoolProto";
    const json = { name: "c", upstream_config: { name: "u", typed_config: { "@type": `x/${name}` } } };
    const type = messageType<unknown, unknown>("envoy.config.cluster.v3.Cluster");
    const message = type.fromJson(json);
    const again = type.decode(type.encode(message));
    expect(type.encode(again)).toEqual(type.encode(message));
    const version = (each: unknown): string =>
      resourceVersion({ typeUrl: type.typeUrl, name: "c", message: each } as never);
    expect(version(again)).toBe(version(message));
  });

  test("differs between types with equal bytes", () => {
    const type = "envoy.config.route.v3.RouteConfiguration";
    expect(versionOf("name: c\n", type)).not.toBe(versionOf("name: c\n"));
  });
});
