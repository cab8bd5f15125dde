import { createServer as createHttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { type IdentitySource, peerOf, tlsServer } from "@weftmesh/cert";
import { originalDst } from "@weftmesh/iptables-gen";
import * as router from "@weftmesh/router";
import type { ListenerConfig } from "@weftmesh/xds";
import type { Filter, FilterChain } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { RBAC as HttpRbac } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { RBAC } from "@weftmesh/xds-types/envoy/extensions/filters/network/rbac/v3";
import { TcpProxy } from "@weftmesh/xds-types/envoy/extensions/filters/network/tcp_proxy/v3";
import { answer, forward } from "./http.js";
import { extension, type Upstreams } from "./upstream.js";

/** What a listener needs of its sidecar. */
export interface Surroundings {
  readonly identity: IdentitySource;
  readonly upstreams: Upstreams;
  /** Counts an occurrence. */
  count(name: string): void;
}

/** A compiled listener. */
export interface Listening extends Disposable {
  /** Binds its address. */
  open(): Promise<Listening>;
  /** Takes a new configuration. Routes change for open connections too; these keep the filter chain they came in by. */
  update(config: ListenerConfig): void;
}

type Connection = router.Connection;
type Serve = (socket: Socket, connection: Connection) => void;

const tables = new WeakMap<RouteConfiguration, router.RouteTable>();

/** The table of a route configuration, compiled when it is first seen. */
export function routeTable(config: RouteConfiguration): router.RouteTable {
  const table = tables.get(config) ?? router.compileRoutes(config);
  tables.set(config, table);
  return table;
}

/** Compiles a listener: which chain takes a connection, who may come in, and where requests or bytes go. */
export function listen(config: ListenerConfig, { identity, upstreams, count }: Surroundings): Listening {
  let current = compile(config);
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on("error", () => socket.destroy());
    const connection = await inspect(socket, current.config.listener.listenerFilters ?? []);
    const match = current.chains.match(connection);
    // The default chain has index -1 and stands last.
    if (match.kind === "chain") current.serve.at(match.index)?.(socket, connection);
    else deny(socket, "no_filter_chain");
  });

  function compile(config: ListenerConfig) {
    const { filterChains = [], defaultFilterChain = {} } = config.listener;
    const serve = [...filterChains, defaultFilterChain].map((chain, index) =>
      chainOf(chain, `filter_chains[${index}]`),
    );
    return { config, chains: router.compileListener(config.listener), serve };
  }

  function chainOf({ filters = [], transportSocket }: FilterChain, path: string): Serve {
    const serve = filters.reduceRight<Serve>(
      (next, filter, index) => filterOf(filter, next, `${path}.filters[${index}]`),
      (socket) => deny(socket, "no_filter"),
    );
    if (!transportSocket) return serve;
    // Made for the first connection: a listener that is only judged opens nothing.
    let tls: Server | undefined;
    return (socket) => {
      tls ??= tlsServer(identity, { onRejected: ({ error }) => count(`denied.${error.code}`) }, (secure) => {
        const id = peerOf(secure)?.id;
        serve(secure, { ...factsOf(secure), tls: { presented: true, validated: true, uriSans: id ? [id] : [] } });
      }).on("tlsClientError", () => count("denied.handshake"));
      tls.emit("connection", socket);
    };
  }

  function filterOf({ typedConfig }: Filter, next: Serve, path: string): Serve {
    if (typedConfig?.typeUrl === RBAC.typeUrl) {
      const rbac = router.compileRbac(extension(typedConfig, RBAC, path));
      return (socket, connection) =>
        rbac.decideConnection(connection).allowed ? next(socket, connection) : deny(socket, "rbac");
    }
    if (typedConfig?.typeUrl === HttpConnectionManager.typeUrl) {
      return http(extension(typedConfig, HttpConnectionManager, path), path);
    }
    const { cluster = "" } = extension(typedConfig, TcpProxy, path);
    return (socket) => void pass(socket, cluster);
  }

  function http({ httpFilters = [], routeConfig, rds }: HttpConnectionManager, path: string): Serve {
    const guards = httpFilters
      .slice(0, -1)
      .map((each, index) => extension(each.typedConfig, HttpRbac, `${path}.typed_config.http_filters[${index}]`));
    const rbac = guards.map((guard) => router.compileRbac(guard));
    if (routeConfig) routeTable(routeConfig);
    const connections = new WeakMap<Socket, Connection>();
    const server = createHttpServer((request, response) => {
      count("requests");
      const facts = router.fromIncomingMessage(request, connections.get(request.socket));
      if (!rbac.every((each) => each.decide(facts).allowed)) {
        count("denied.rbac");
        return answer(response, 403, "RBAC: access denied");
      }
      const routes = routeConfig ?? current.config.routes.get(rds?.routeConfigName ?? "") ?? {};
      const decision = routeTable(routes).route(facts, { random: Math.random, now: Date.now() });
      if (decision.kind === "forward") return void forward(request, response, decision, upstreams);
      const { status, headers, body } = decision.reply();
      response.writeHead(status, [...headers]).end(body, "latin1");
    });
    return (socket, connection) => {
      connections.set(socket, connection);
      server.emit("connection", socket);
    };
  }

  async function pass(socket: Socket, cluster: string): Promise<void> {
    const upstream = upstreams.get(cluster);
    const pick = upstream?.lb.pick();
    if (upstream === undefined || pick?.kind !== "host") return deny(socket, "no_host");
    try {
      const peer = await upstream.connect(pick.host);
      pick.report({ result: "connected-final" });
      await Promise.all([pipeline(socket, peer), pipeline(peer, socket)]);
    } catch {
      socket.destroy();
    } finally {
      // Says something only if the connection never came to be: the first report stands.
      pick.done({ result: "connect-failed" });
    }
  }

  function deny(socket: Socket, why: string): void {
    count(`denied.${why}`);
    socket.destroy();
  }

  const listening: Listening = {
    open() {
      const { address = "127.0.0.1", portValue = 0 } = current.config.listener.address?.socketAddress ?? {};
      return new Promise((resolve, reject) => {
        server.once("error", reject).listen(portValue, address, () => resolve(listening));
      });
    },
    update(config) {
      current = config.listener === current.config.listener ? { ...current, config } : compile(config);
    },
    [Symbol.dispose]: () => void server.close(),
  };
  return listening;
}

function factsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): Connection {
  const source = { sourceAddress: remoteAddress, sourcePort: remotePort };
  return { ...source, destinationAddress: localAddress, destinationPort: localPort };
}

/** What the listener filters find out before anything is read: where the caller wanted to go, and whether it speaks TLS. */
async function inspect(socket: Socket, filters: readonly { readonly name?: string }[]): Promise<Connection> {
  let facts = factsOf(socket);
  for (const { name } of filters) {
    if (name === "envoy.filters.listener.original_dst") {
      const wanted = originalDst(socket);
      if (wanted.kind === "found")
        facts = { ...facts, destinationAddress: wanted.address, destinationPort: wanted.port };
    } else if (name === "envoy.filters.listener.tls_inspector") {
      const first = await new Promise<Buffer | null>((resolve) =>
        socket.once("readable", () => resolve(socket.read())),
      );
      if (first !== null) socket.unshift(first);
      facts = { ...facts, transportProtocol: first?.[0] === 0x16 ? "tls" : "raw_buffer" };
    }
  }
  return facts;
}
