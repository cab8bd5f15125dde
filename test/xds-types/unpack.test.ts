import { pack, unpackAs, XdsTypesError } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { expect, test } from "vitest";

const cluster: Cluster = { name: "shop" };
const path = "clusters[0].typed_config";

test("unpackAs takes the message out, open or not", () => {
  expect(unpackAs(Cluster, pack(Cluster, cluster), path)).toEqual(cluster);
  expect(unpackAs(Cluster, { typeUrl: Cluster.typeUrl, value: Cluster.encode(cluster) }, path)).toEqual(cluster);
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
