import { createServer as createHttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { type IdentitySource, peerOf, tlsServer } from "@weftmesh/cert";
import { originalDst } from "@weftmesh/iptables-gen";
import * as router from "@weftmesh/router";
import type { ListenerConfig } from "@weftmesh/xds";
import type { FilterChain } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { RBAC } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import { Router } from "@weftmesh/xds-types/envoy/extensions/filters/http/router/v3";
import { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { TcpProxy } from "@weftmesh/xds-types/envoy/extensions/filters/network/tcp_proxy/v3";
import { DownstreamTlsContext } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { answer, forward } from "./http.js";
import { expectedPeers, extension, type Upstreams } from "./upstream.js";

type Serve = (socket: Socket, connection: router.Connection) => void;

/** What a listener needs of its sidecar. */
export interface Surroundings {
  readonly identity: IdentitySource;
  readonly upstreams: Upstreams;
  /** Counts an occurrence. */
  count(name: string): void;
}

const tables = new WeakMap<RouteConfiguration, router.RouteTable>();

/** The table of a route configuration, compiled when it is first seen. */
export function routeTable(config: RouteConfiguration): router.RouteTable {
  const table = tables.get(config) ?? router.compileRoutes(config);
  tables.set(config, table);
  return table;
}

/** One address: which filter chain takes a connection, who may come in, and where requests or bytes go. */
export class Listening implements Disposable {
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  readonly #around: Surroundings;
  #config: ListenerConfig;
  #chains: router.FilterChains;
  #serve: readonly Serve[];

  constructor(config: ListenerConfig, around: Surroundings) {
    this.#around = around;
    [this.#config, this.#chains, this.#serve] = this.#compile(config);
  }

  /** Binds the address. */
  open(): Promise<void> {
    const { address = "127.0.0.1", portValue = 0 } = this.#config.listener.address?.socketAddress ?? {};
    return new Promise((resolve, reject) => this.#server.once("error", reject).listen(portValue, address, resolve));
  }

  /** Takes a new configuration. Routes change for open connections too; these keep the filter chain they came in by. */
  update(config: ListenerConfig): void {
    if (config.listener === this.#config.listener) this.#config = config;
    else [this.#config, this.#chains, this.#serve] = this.#compile(config);
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }

  #compile(config: ListenerConfig): [ListenerConfig, router.FilterChains, readonly Serve[]] {
    const { filterChains = [], defaultFilterChain = {} } = config.listener;
    // The default chain has the index -1 and stands last.
    const serve = [...filterChains, defaultFilterChain].map((chain, index) =>
      this.#chain(chain, `filter_chains[${index}]`),
    );
    return [config, router.compileListener(config.listener), serve];
  }

  #chain({ filters = [], transportSocket }: FilterChain, path: string): Serve {
    const { identity, upstreams, count } = this.#around;
    const any = filters[0]?.typedConfig;
    let serve: Serve = (socket) => socket.destroy();
    if (any?.typeUrl === TcpProxy.typeUrl) {
      const { cluster = "" } = extension(any, TcpProxy, path);
      serve = (socket) => (upstreams.get(cluster) ?? { pass: () => socket.destroy() }).pass(socket);
    } else if (any) serve = this.#http(extension(any, HttpConnectionManager, `${path}.filters[0].typed_config`), path);
    if (!transportSocket) return serve;
    const context = extension(
      transportSocket.typedConfig,
      DownstreamTlsContext,
      `${path}.transport_socket.typed_config`,
    );
    const authorize = expectedPeers(context.commonTlsContext);
    // Made for the first connection: a listener that is only judged opens nothing.
    let tls: Server | undefined;
    return (socket) => {
      tls ??= tlsServer(identity, { authorize, onRejected: ({ error }) => count(`denied.${error.code}`) }, (secure) => {
        const id = peerOf(secure)?.id;
        serve(secure, { ...factsOf(secure), tls: { presented: true, validated: true, uriSans: id ? [id] : [] } });
      }).on("tlsClientError", () => count("denied.handshake"));
      tls.emit("connection", socket);
    };
  }

  #http({ httpFilters = [], routeConfig, rds }: HttpConnectionManager, path: string): Serve {
    const { upstreams, count } = this.#around;
    if (routeConfig) routeTable(routeConfig);
    const rbac = httpFilters.flatMap(({ typedConfig }, index) => {
      if (typedConfig?.typeUrl === Router.typeUrl) return [];
      const config = extension(
        typedConfig,
        RBAC,
        `${path}.filters[0].typed_config.http_filters[${index}].typed_config`,
      );
      return router.compileRbac(config);
    });
    const connections = new WeakMap<Socket, router.Connection>();
    const server = createHttpServer((request, response) => {
      count("requests");
      const facts = router.fromIncomingMessage(request, connections.get(request.socket));
      if (!rbac.every((each) => each.decide(facts).allowed)) {
        count("denied.rbac");
        return answer(response, 403, "RBAC: access denied");
      }
      const routes = routeConfig ?? this.#config.routes.get(rds?.routeConfigName ?? "") ?? {};
      const decision = routeTable(routes).route(facts, { random: Math.random, now: Date.now() });
      if (decision.kind === "forward") {
        // What is thrown here is a caller that went away in the middle of its body.
        return void forward(request, response, decision, upstreams).catch(() => response.destroy());
      }
      const { status, headers, body } = decision.reply();
      response.writeHead(status, [...headers]).end(body, "latin1");
    });
    return (socket, connection) => {
      connections.set(socket, connection);
      server.emit("connection", socket);
    };
  }

  /** Runs the listener filters (where the caller wanted to go, whether it speaks TLS), then the chain that they lead to. */
  async #accept(socket: Socket): Promise<void> {
    socket.on("error", () => socket.destroy());
    let facts = factsOf(socket);
    for (const { name } of this.#config.listener.listenerFilters ?? []) {
      const wanted = name === "envoy.filters.listener.original_dst" && originalDst(socket);
      if (wanted && wanted.kind === "found")
        facts = { ...facts, destinationAddress: wanted.address, destinationPort: wanted.port };
      if (name !== "envoy.filters.listener.tls_inspector") continue;
      const first = await new Promise<Buffer | null>((resolve) =>
        socket.once("readable", () => resolve(socket.read())),
      );
      if (first) socket.unshift(first);
      facts = { ...facts, transportProtocol: first?.[0] === 0x16 ? "tls" : "raw_buffer" };
    }
    const match = this.#chains.match(facts);
    if (match.kind === "chain") return this.#serve.at(match.index)?.(socket, facts);
    this.#around.count("denied.no_filter_chain");
    socket.destroy();
  }
}

function factsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): router.Connection {
  const source = { sourceAddress: remoteAddress, sourcePort: remotePort };
  return { ...source, destinationAddress: localAddress, destinationPort: localPort };
}
