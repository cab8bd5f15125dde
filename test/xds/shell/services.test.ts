import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DISCOVERY_TYPES } from "../../../packages/xds/src/discovery-types.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { DISCOVERY_SERVICES } from "../../../packages/xds/src/shell/services.js";
import { snapshotCache } from "../../../packages/xds/src/snapshot-cache.js";
import { encodeNode } from "../../../packages/xds/src/wire/node.js";
import { encodeDeltaRequest, encodeSotwRequest } from "../../../packages/xds/src/wire/request.js";
import { decodeDeltaResponse, decodeSotwResponse } from "../../../packages/xds/src/wire/response.js";
import { opaque, plainDigest, T } from "../opaque.js";

const cache = snapshotCache({ nodeKey: () => "all", encode: () => opaque(T.CDS, "never"), digest: plainDigest });
const server = createServer({ cache });
let client: Client;

beforeAll(async () => {
  cache.set(
    "all",
    DISCOVERY_TYPES.map(({ typeUrl }) => opaque(typeUrl, "x")),
  );
  client = new Client(`127.0.0.1:${await server.listen("127.0.0.1:0")}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await server.close();
});

const methods = DISCOVERY_SERVICES.flatMap(({ definition, typeUrl, deltaMethod, fetchMethod }) =>
  Object.entries(definition)
    .filter(([name]) => name !== fetchMethod)
    .map(([name, method]) => ({
      path: method.path,
      method: method as MethodDefinition<Buffer, Buffer>,
      delta: name === deltaMethod,
      typeUrl,
    })),
);

describe("services", () => {
  test("V2: the paths are those of the discovery services", () => {
    expect(methods.map(({ path }) => path).sort()).toEqual(
      [
        "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
        "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
        "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints",
        "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
        "/envoy.service.endpoint.v3.LocalityEndpointDiscoveryService/DeltaLocalityEndpoints",
        "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/DeltaExtensionConfigs",
        "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
        "/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners",
        "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners",
        "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes",
        "/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes",
        "/envoy.service.route.v3.ScopedRoutesDiscoveryService/DeltaScopedRoutes",
        "/envoy.service.route.v3.ScopedRoutesDiscoveryService/StreamScopedRoutes",
        "/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts",
        "/envoy.service.runtime.v3.RuntimeDiscoveryService/DeltaRuntime",
        "/envoy.service.runtime.v3.RuntimeDiscoveryService/StreamRuntime",
        "/envoy.service.secret.v3.SecretDiscoveryService/DeltaSecrets",
        "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
      ].sort(),
    );
  });

  test.each(methods)("V1: $path answers on the one port, with the type implied", async ({ method, delta, typeUrl }) => {
    const call = client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
    call.on("error", () => undefined);
    const node = encodeNode({ id: "n" });
    const implied = typeUrl === undefined ? T.CUSTOM : "";
    const asked = typeUrl ?? T.CUSTOM;
    cache.set("all", [...DISCOVERY_TYPES.map((type) => opaque(type.typeUrl, "x")), opaque(T.CUSTOM, "x")]);
    const names = { typeUrl: implied, responseNonce: "" };
    const bytes = delta
      ? encodeDeltaRequest({ ...names, subscribe: ["x"], unsubscribe: [], initialResourceVersions: new Map() }, node)
      : encodeSotwRequest({ ...names, versionInfo: "", resourceNames: ["x"] }, node);
    call.write(Buffer.from(bytes));
    const answer = await new Promise<Buffer>((resolve) => call.once("data", resolve));
    const response = delta ? decodeDeltaResponse(answer) : decodeSotwResponse(answer);
    expect(response.typeUrl).toBe(asked);
    expect(response.resources.map((resource) => resource.typeUrl)).toEqual([asked]);
    call.cancel();
  });
});
