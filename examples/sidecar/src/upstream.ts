import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import * as cert from "@weftmesh/cert";
import * as lb from "@weftmesh/lb";
import type { ClusterConfig } from "@weftmesh/xds";
import { type Any, durationToMs } from "@weftmesh/xds-types";
import {
  type CommonTlsContext,
  UpstreamTlsContext,
} from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { buildConnector, Pool } from "undici";

/** The clusters of a sidecar by name. */
export type Upstreams = ReadonlyMap<string, Upstream>;

/** One cluster at work: who may be chosen, and the connections to them. */
export class Upstream implements Disposable {
  readonly lb: lb.Cluster;
  readonly #connect: cert.UndiciConnector;
  readonly #ticking: Disposable;
  readonly #pools = new Map<string, Pool>();

  constructor(
    { cluster, endpoints }: ClusterConfig,
    identity: cert.IdentitySource,
    onEvent: (event: lb.LbEvent) => void,
  ) {
    const timeout = cluster.connectTimeout ? durationToMs(cluster.connectTimeout) : 5000;
    const socket = cluster.transportSocket;
    const tls = socket && extension(socket.typedConfig, UpstreamTlsContext, "transport_socket.typed_config");
    const secured = { authorize: expectedPeers(tls?.commonTlsContext), handshakeTimeoutMs: timeout };
    this.#connect = tls ? cert.undiciConnect(identity, secured) : (buildConnector({ timeout }) as cert.UndiciConnector);
    this.lb = lb.clusterFromXds(cluster, endpoints, { clock: lb.systemClock, random: Math.random, onEvent });
    this.#ticking = lb.drive(this.lb);
  }

  /** HTTP connections to a host. The time limits of a request are those of its route. */
  pool({ address }: lb.Host): Pool {
    let pool = this.#pools.get(address);
    pool ??= new Pool(`http://${address}`, { connect: this.#connect, headersTimeout: 0, bodyTimeout: 0 });
    this.#pools.set(address, pool);
    return pool;
  }

  /** Passes bytes that are not HTTP to a host and back. */
  pass(socket: Socket): void {
    const pick = this.lb.pick();
    if (pick.kind === "none") return void socket.destroy();
    const { hostname, port } = new URL(`http://${pick.host.address}`);
    this.#connect({ hostname, port }, async (error, peer) => {
      pick.report({ result: error ? "connect-failed" : "connected-final" });
      // A pipeline listens to both of its ends more than once, which is no leak.
      if (peer) await pipeline(socket.setMaxListeners(20), peer.setMaxListeners(20), socket).catch(() => {});
      socket.destroy();
      pick.done({ result: "connected-final" });
    });
  }

  /** Takes new endpoints; what was learnt about those that stay is kept. */
  update({ endpoints }: ClusterConfig): void {
    this.lb.update({ replace: endpoints ? lb.endpointsFromXds(endpoints) : [] });
    const gone = [...this.#pools].filter(([address]) => !this.lb.host(address));
    for (const [address, pool] of gone) if (this.#pools.delete(address)) void pool.close();
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
    this.lb[Symbol.dispose]();
    for (const pool of this.#pools.values()) void pool.close();
  }
}

/** Whom a TLS context lets be the peer: the identities it names, or any member of the mesh. */
export function expectedPeers(context: CommonTlsContext | undefined): cert.IdMatcher {
  const names = context?.validationContext?.matchTypedSubjectAltNames;
  return names ? cert.matchOneOf(names.map(({ matcher }) => cert.SpiffeId.parse(matcher?.exact ?? ""))) : cert.matchAny;
}

/** Reads the configuration of an extension. @throws Error with the path if it is another one. */
export function extension<T>(
  any: Any | undefined,
  type: { typeUrl: string; decode(bytes: Uint8Array): T },
  path: string,
): T {
  if (any?.typeUrl !== type.typeUrl) throw Object.assign(new Error(`not supported: ${any?.typeUrl}`), { path });
  return any.value ? type.decode(any.value) : (any.message as T);
}
