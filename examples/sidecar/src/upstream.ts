import type { Socket } from "node:net";
import { type IdentitySource, matchOneOf, SpiffeId, type UndiciConnector, undiciConnect } from "@weftmesh/cert";
import {
  type Cluster,
  clusterFromXds,
  drive,
  endpointsFromXds,
  type Host,
  type LbEvent,
  systemClock,
} from "@weftmesh/lb";
import type { ClusterConfig } from "@weftmesh/xds";
import { type Any, durationToMs } from "@weftmesh/xds-types";
import { UpstreamTlsContext } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { buildConnector, Pool } from "undici";

/** The clusters of a sidecar by name. */
export type Upstreams = ReadonlyMap<string, Upstream>;

/** One cluster at work: who may be chosen, and the connections to them. */
export class Upstream implements Disposable {
  readonly lb: Cluster;
  readonly #connect: UndiciConnector;
  readonly #ticking: Disposable;
  readonly #pools = new Map<string, Pool>();

  constructor({ cluster, endpoints }: ClusterConfig, identity: IdentitySource, onEvent: (event: LbEvent) => void) {
    const timeout = cluster.connectTimeout ? durationToMs(cluster.connectTimeout) : 5000;
    if (cluster.transportSocket) {
      const tls = extension(cluster.transportSocket.typedConfig, UpstreamTlsContext, "transport_socket");
      const peers = tls.commonTlsContext?.validationContext?.matchTypedSubjectAltNames ?? [];
      const authorize = matchOneOf(peers.map(({ matcher }) => SpiffeId.parse(matcher?.exact ?? "")));
      this.#connect = undiciConnect(identity, { authorize, handshakeTimeoutMs: timeout });
    } else this.#connect = buildConnector({ timeout }) as UndiciConnector;
    this.lb = clusterFromXds(cluster, endpoints, { clock: systemClock, random: Math.random, onEvent });
    this.#ticking = drive(this.lb);
  }

  /** HTTP connections to a host. The time limits of a request are those of its route. */
  pool({ address }: Host): Pool {
    const options = { connect: this.#connect, headersTimeout: 0, bodyTimeout: 0 };
    const pool = this.#pools.get(address) ?? new Pool(`http://${address}`, options);
    this.#pools.set(address, pool);
    return pool;
  }

  /** A connection for bytes that are not HTTP. */
  connect({ address }: Host): Promise<Socket> {
    const { hostname, port } = new URL(`http://${address}`);
    return new Promise((resolve, reject) => {
      this.#connect({ hostname, port }, (error, socket) => (error ? reject(error) : resolve(socket)));
    });
  }

  /** Takes new endpoints; what was learnt about those that stay is kept. */
  update({ endpoints }: ClusterConfig): void {
    this.lb.update({ replace: endpoints ? endpointsFromXds(endpoints) : [] });
    const gone = [...this.#pools].filter(([address]) => !this.lb.host(address));
    for (const [address, pool] of gone) if (this.#pools.delete(address)) void pool.close();
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
    this.lb[Symbol.dispose]();
    for (const pool of this.#pools.values()) void pool.close();
  }
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
