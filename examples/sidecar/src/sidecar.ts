import { type IdentitySource, noIdentity } from "@weftmesh/cert";
import type { LbEvent } from "@weftmesh/lb";
import { type ConfigSet, type Finding, findingsOf, type MessageResource } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { routeTable } from "./filter-chain.js";
import { Listening } from "./listener.js";
import { Upstream, type Upstreams } from "./upstream.js";

/** Who a sidecar is, and whom it tells what: things worth counting, hosts that come and go, configuration at work. */
export interface SidecarOptions {
  readonly identity: IdentitySource;
  readonly count?: (name: string) => void;
  readonly onHost?: (event: LbEvent) => void;
  readonly onConfig?: (set: ConfigSet, upstreams: Upstreams) => void;
}

/** Follows a configuration until it ends: a proxy in front of one application, with mutual TLS towards its peers. */
export async function runSidecar(configs: AsyncIterable<ConfigSet>, options: SidecarOptions): Promise<void> {
  const { identity, count, onHost, onConfig } = options;
  const upstreams = new Map<string, Upstream>();
  const listeners = new Map<string, Listening>();
  for await (const set of configs) {
    // Make before break: the clusters that routes name come first and go last.
    for (const [name, next] of set.clusters) {
      const old = upstreams.get(name);
      if (old?.cluster === next.cluster) old.update(next);
      else upstreams.set(name, new Upstream(next, identity, onHost));
      if (old?.cluster !== next.cluster) old?.[Symbol.dispose]();
    }
    for (const [name, old] of listeners) {
      const next = set.listeners.get(name);
      if (!next || !old.update(next)) listeners.delete(name) && old[Symbol.dispose]();
    }
    for (const [name, next] of set.listeners) {
      if (listeners.has(name)) continue;
      const listener = new Listening(next, identity, upstreams, count);
      // One whose address is taken is tried again with the next configuration; the others serve.
      await listener.open().then(
        () => listeners.set(name, listener),
        () => count?.("listener_create_failure"),
      );
    }
    for (const [name, old] of upstreams) if (!set.clusters.has(name) && upstreams.delete(name)) old[Symbol.dispose]();
    onConfig?.(set, upstreams);
  }
}

/** Finds what is wrong with a resource by compiling it: what could not run is refused, and the last good one stays. */
export function validate({ typeUrl, message }: MessageResource): readonly Finding[] {
  try {
    if (typeUrl === RouteConfiguration.typeUrl) routeTable(message as RouteConfiguration);
    if (typeUrl === Listener.typeUrl)
      new Listening({ listener: message as Listener, routes: new Map() }, noIdentity, new Map());
    if (typeUrl === Cluster.typeUrl) new Upstream({ cluster: message as Cluster }, noIdentity)[Symbol.dispose]();
    return [];
  } catch (error) {
    return findingsOf(error);
  }
}
