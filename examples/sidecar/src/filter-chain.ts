import { createServer } from "node:http";
import type { Socket } from "node:net";
import { type IdentitySource, type IdMatcher, matchPeers, peerOf, tlsServer } from "@weftmesh/cert";
import { tcpProxy } from "@weftmesh/lb";
import * as router from "@weftmesh/router";
import { unpackAs } from "@weftmesh/xds-types";
import type { FilterChain } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { TcpProxy } from "@weftmesh/xds-types/envoy/extensions/filters/network/tcp_proxy/v3";
import { DownstreamTlsContext } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { forward } from "./http.js";
import type { Upstreams } from "./upstream.js";

/** Takes a connection over. */
export type Serve = (socket: Socket, connection: router.Connection) => void;

/** What a listener needs of its sidecar. */
export interface Surroundings {
  readonly identity: IdentitySource;
  readonly upstreams: Upstreams;
  /** Counts an occurrence. */
  readonly count: (name: string) => void;
  /** What RDS brought under a name, so far. */
  readonly routes: (name: string) => RouteConfiguration | undefined;
}

const tables = new WeakMap<RouteConfiguration, router.RouteTable>();

/** The table of a route configuration, compiled when it is first seen. */
export function routeTable(config: RouteConfiguration): router.RouteTable {
  if (!tables.has(config)) tables.set(config, router.compileRoutes(config));
  return tables.get(config) as router.RouteTable;
}

/** What a filter chain does with its connections. */
export function compileChain(chain: FilterChain, path: string, around: Surroundings): Serve {
  const { filters: [filter] = [], transportSocket } = chain;
  const at = `${path}.filters[0].typed_config`;
  let serve: Serve = (socket) => socket.destroy();
  if (filter?.typedConfig?.typeUrl === TcpProxy.typeUrl) {
    const { cluster = "" } = unpackAs(TcpProxy, filter.typedConfig, at);
    serve = (socket) => tcpProxy(around.upstreams.get(cluster), socket);
  } else if (filter) serve = http(unpackAs(HttpConnectionManager, filter.typedConfig, at), at, around);
  if (!transportSocket) return serve;
  const tls = `${path}.transport_socket.typed_config`;
  const { commonTlsContext } = unpackAs(DownstreamTlsContext, transportSocket.typedConfig, tls);
  return secured(serve, matchPeers(commonTlsContext, `${tls}.common_tls_context`), around);
}

/** Lets in whose certificate proves an identity that the configuration names. */
function secured(serve: Serve, authorize: IdMatcher, { identity, count }: Surroundings): Serve {
  const server = tlsServer(
    identity,
    { authorize, onRejected: ({ error }) => count(`denied.${error.code}`) },
    (secure) => {
      const id = peerOf(secure)?.id;
      serve(secure, router.socketFacts(secure, { tls: { presented: true, validated: true, uriSans: id ? [id] : [] } }));
    },
  );
  server.on("tlsClientError", () => count("denied.handshake"));
  return (socket) => server.emit("connection", socket);
}

/** Runs the HTTP filters and the router for each request. */
function http(manager: HttpConnectionManager, path: string, { upstreams, count, routes }: Surroundings): Serve {
  const { httpFilters, routeConfig, rds } = manager;
  if (routeConfig) routeTable(routeConfig);
  const steps = router.compileConnectionManager(manager, { path });
  const filters = router.compileHttpFilters(httpFilters, { path: `${path}.http_filters` });
  const connections = new WeakMap<Socket, router.Connection>();
  const server = createServer({ maxHeaderSize: 60 << 10 }, (incoming, response) => {
    count("requests");
    const reply = ({ status, headers, body }: router.LocalReply): void =>
      void response.writeHead(status, [...headers]).end(body, "latin1");
    const admitted = steps.accept(router.fromIncomingMessage(incoming, connections.get(incoming.socket)));
    if (admitted.kind === "reply") return reply(admitted.reply);
    const table = routeTable(routeConfig ?? routes(rds?.routeConfigName ?? "") ?? {});
    const decision = table.route(admitted.request, { random: Math.random, now: Date.now() });
    const refused = filters.refuse(admitted.request, decision);
    if (refused) count(`denied.${refused.filter}`);
    if (refused) return reply(refused.reply);
    if (decision.kind !== "forward") return reply(decision.reply());
    const refuse = (status: number, body: string): void => reply(decision.refuse({ status, body }));
    if (incoming.headers.upgrade) return refuse(403, "");
    // What is thrown here is a caller that went away in the middle of its body.
    forward(incoming, response, decision, upstreams, refuse).catch(() => response.destroy());
  });
  return (socket, connection) => {
    connections.set(socket, connection);
    server.emit("connection", socket);
  };
}
