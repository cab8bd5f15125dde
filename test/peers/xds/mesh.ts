/** Resources for a listener that forwards to upstreams on loopback, and those upstreams. */
import { createServer as createHttpServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { MessageResource } from "@weftmesh/xds";
import { pack } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ConfigSource } from "@weftmesh/xds-types/envoy/config/core/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { Router } from "@weftmesh/xds-types/envoy/extensions/filters/http/router/v3";
import { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";

/** From where an Envoy takes what a resource refers to. */
export type Source = "ads" | { readonly separate: "sotw" | "delta" };

function configSource(source: Source): ConfigSource {
  if (source === "ads") return { ads: {}, resourceApiVersion: "V3" };
  const apiType = source.separate === "delta" ? "DELTA_GRPC" : "GRPC";
  return {
    resourceApiVersion: "V3",
    apiConfigSource: { apiType, transportApiVersion: "V3", grpcServices: [{ envoyGrpc: { clusterName: "xds" } }] },
  };
}

/** An EDS cluster. */
export function cluster(name: string, source: Source = "ads"): MessageResource {
  const message: Cluster = {
    name,
    type: "EDS",
    edsClusterConfig: { edsConfig: configSource(source) },
    connectTimeout: { seconds: 1n },
  };
  return { typeUrl: Cluster.typeUrl, name, message };
}

/** One endpoint on loopback. gRPC ignores localities without a name and a weight. */
export function endpoints(name: string, port: number): MessageResource {
  const address = { socketAddress: { address: "127.0.0.1", portValue: port } };
  const lbEndpoints = [{ endpoint: { address }, loadBalancingWeight: 1 }];
  const message: ClusterLoadAssignment = {
    clusterName: name,
    endpoints: [{ locality: { region: "here" }, loadBalancingWeight: 1, lbEndpoints }],
  };
  return { typeUrl: ClusterLoadAssignment.typeUrl, name, message };
}

/** A connection manager that takes its routes by name. */
export function manager(name: string, route: string, source: Source = "ads"): HttpConnectionManager {
  return {
    statPrefix: name,
    rds: { routeConfigName: route, configSource: configSource(source) },
    httpFilters: [{ name: "envoy.filters.http.router", typedConfig: pack(Router, {}) }],
  };
}

/** A listener of Envoy's on a port of its choice. */
export function listener(name: string, route: string, source: Source = "ads"): MessageResource {
  const typedConfig = pack(HttpConnectionManager, manager(name, route, source));
  const message: Listener = {
    name,
    address: { socketAddress: { address: "127.0.0.1", portValue: 0 } },
    filterChains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", typedConfig }] }],
  };
  return { typeUrl: Listener.typeUrl, name, message };
}

/** A listener as gRPC's clients read it. */
export function apiListener(name: string, route: string): MessageResource {
  const message: Listener = { name, apiListener: { apiListener: pack(HttpConnectionManager, manager(name, route)) } };
  return { typeUrl: Listener.typeUrl, name, message };
}

/** Everything to one cluster. */
export function route(name: string, to: string): MessageResource {
  const message: RouteConfiguration = {
    name,
    virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "" }, route: { cluster: to } }] }],
  };
  return { typeUrl: RouteConfiguration.typeUrl, name, message };
}

/** An upstream that answers every request with its name. */
export async function startUpstream(name: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createHttpServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One request: the status and the body, or status 0 if there was no answer. */
export function get(port: number): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const request = httpRequest({ host: "127.0.0.1", port, path: "/", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on("error", (error) => resolve({ status: 0, body: error.message }));
    request.end();
  });
}
