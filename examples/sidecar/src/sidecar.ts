import type { IdentitySource } from "@weftmesh/cert";
import type { LbEvent } from "@weftmesh/lb";
import type { ConfigSet, Finding, MessageResource } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { Listening, routeTable } from "./listener.js";
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
  const { identity, count = () => {}, onHost = () => {}, onConfig } = options;
  const upstreams = new Map<string, Upstream>();
  const listeners = new Map<string, Listening>();
  let last: ConfigSet | undefined;
  for await (const set of configs) {
    // Make before break: the clusters that routes name come first and go last.
    for (const [name, next] of set.clusters) {
      const old = upstreams.get(name);
      const same = last?.clusters.get(name)?.cluster === next.cluster;
      if (old && same) old.update(next);
      else upstreams.set(name, new Upstream(next, identity, onHost));
      if (!same) old?.[Symbol.dispose]();
    }
    for (const [name, next] of set.listeners) {
      const listener = listeners.get(name) ?? new Listening(next, { identity, upstreams, count });
      if (listeners.has(name)) listener.update(next);
      else await listeners.set(name, listener).get(name)?.open();
    }
    for (const [name, old] of listeners) if (!set.listeners.has(name) && listeners.delete(name)) old[Symbol.dispose]();
    for (const [name, old] of upstreams) if (!set.clusters.has(name) && upstreams.delete(name)) old[Symbol.dispose]();
    last = set;
    onConfig?.(set, upstreams);
  }
}

/** Finds what is wrong with a resource by compiling it: what could not run is refused, and the last good one stays. */
export function validate({ typeUrl, message }: MessageResource): readonly Finding[] {
  const config = { name: "", routes: new Map(), secrets: new Map() };
  const identity: IdentitySource = {
    current: () => undefined,
    ready: () => Promise.reject(),
    watch: () => ({ [Symbol.dispose]() {} }),
  };
  try {
    if (typeUrl === RouteConfiguration.typeUrl) routeTable(message as RouteConfiguration);
    if (typeUrl === Cluster.typeUrl)
      new Upstream({ ...config, cluster: message as Cluster }, identity, () => {})[Symbol.dispose]();
    if (typeUrl === Listener.typeUrl) {
      new Listening({ ...config, listener: message as Listener }, { identity, upstreams: new Map(), count() {} });
    }
    return [];
  } catch (error) {
    const { issues, path = "", message } = error as Error & { issues?: readonly Finding[]; path?: string };
    return issues ?? [{ path, message }];
  }
}
