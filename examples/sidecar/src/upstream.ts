import { type IdentitySource, matchPeers, type UndiciConnector, undiciConnect } from "@weftmesh/cert";
import * as lb from "@weftmesh/lb";
import type { ClusterConfig } from "@weftmesh/xds";
import { durationToMs, unpackAs } from "@weftmesh/xds-types";
import type { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { UpstreamTlsContext } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import { Agent, buildConnector } from "undici";

/** The clusters of a sidecar by name. */
export type Upstreams = ReadonlyMap<string, Upstream>;

type Config = Pick<ClusterConfig, "cluster" | "endpoints">;

/** One cluster at work: who may be chosen, and the connections to them. */
export class Upstream implements Disposable {
  readonly cluster: Cluster;
  readonly lb: lb.Cluster;
  readonly connect: UndiciConnector;
  /** HTTP to its hosts. The time limits of a request are those of its route. */
  readonly http: Agent;

  constructor({ cluster, endpoints }: Config, identity: IdentitySource, onEvent?: (event: lb.LbEvent) => void) {
    const timeout = cluster.connectTimeout ? durationToMs(cluster.connectTimeout) : 5000;
    this.cluster = cluster;
    this.connect = buildConnector({ timeout, allowHalfOpen: true }) as UndiciConnector;
    if (cluster.transportSocket) {
      const path = "transport_socket.typed_config";
      const { commonTlsContext } = unpackAs(UpstreamTlsContext, cluster.transportSocket.typedConfig, path);
      const authorize = matchPeers(commonTlsContext, `${path}.common_tls_context`);
      this.connect = undiciConnect(identity, { authorize, handshakeTimeoutMs: timeout });
    }
    this.http = new Agent({
      connect: this.connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 60 << 10,
    });
    this.lb = lb.startCluster(cluster, endpoints, onEvent && { onEvent });
  }

  /** Takes new endpoints; what was learnt about those that stay is kept. */
  update({ endpoints }: Config): void {
    this.lb.update({ replace: endpoints ? lb.endpointsFromXds(endpoints) : [] });
  }

  [Symbol.dispose](): void {
    this.lb[Symbol.dispose]();
    void this.http.close();
  }
}
