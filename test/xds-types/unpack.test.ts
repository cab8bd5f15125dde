import { pack, unpackAs, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { Router } from "@weftmesh/xds-types/envoy/extensions/filters/http/router/v3";
import { HttpFilter } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { expect, test } from "vitest";

const cluster: Cluster = { name: "shop" };
const path = "clusters[0].typed_config";

test("unpackAs takes the message out, open or not", () => {
  expect(unpackAs(Cluster, pack(Cluster, cluster), path)).toEqual(cluster);
  expect(unpackAs(Cluster, { typeUrl: Cluster.typeUrl, value: Cluster.encode(cluster) }, path)).toEqual(cluster);
});

test("an Any of an empty message opens, whether its bytes are on the wire or not", () => {
  // name: "a", typed_config: { type_url: "type.googleapis.com/…Router" [, value: "" ] }
  const url = new TextEncoder().encode(Router.typeUrl);
  for (const value of [[], [0x12, 0x00]]) {
    const any = [0x0a, url.length, ...url, ...value];
    const filter = [0x0a, 0x01, 0x61, 0x22, any.length, ...any];
    const { typedConfig } = HttpFilter.decode(Uint8Array.from(filter));
    expect(typedConfig).toEqual({ typeUrl: Router.typeUrl, value: new Uint8Array(0) });
    expect(unpackAs(Router, typedConfig, path)).toEqual({});
  }
});

test.each([
  ["another type", pack(RouteConfiguration, {}), "found envoy.config.route.v3.RouteConfiguration"],
  ["none at all", undefined, "found nothing"],
])("unpackAs refuses %s with the path", (_, any, text) => {
  const refused = () => unpackAs(Cluster, any, path);
  expect(refused).toThrow(XdsTypesError);
  expect(refused).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_UNEXPECTED_TYPE", path }));
  expect(refused).toThrow(text);
});

test("unpackAs says when the bytes are not the message", () => {
  const broken = { typeUrl: Cluster.typeUrl, value: Uint8Array.of(0x0a, 0x05, 0x41) };
  expect(() => unpackAs(Cluster, broken, path)).toThrow(expect.objectContaining({ code: "ERR_XDS_TYPES_WIRE" }));
});
