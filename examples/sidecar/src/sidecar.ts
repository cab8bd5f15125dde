import type { IdentitySource } from "@weftmesh/cert";
import type { LbEvent } from "@weftmesh/lb";
import type { ConfigSet, Finding, MessageResource } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { type Listening, listen, routeTable } from "./listener.js";
import { Upstream } from "./upstream.js";

/** What a sidecar tells about itself while it runs. */
export interface SidecarOptions {
  /** Who this workload is, kept fresh. */
  readonly identity: IdentitySource;
  /** Called for everything worth counting: `requests`, `denied.rbac`. */
  readonly count?: (name: string) => void;
  /** Called when a host is ejected and when it comes back. */
  readonly onHost?: (event: LbEvent) => void;
  /** Called when a configuration has been put to work. */
  readonly onConfig?: (set: ConfigSet, upstreams: ReadonlyMap<string, Upstream>) => void;
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
      const old = listeners.get(name);
      if (old) old.update(next);
      else listeners.set(name, await listen(next, { identity, upstreams, count }).open());
    }
    for (const [name, old] of listeners) if (!set.listeners.has(name) && listeners.delete(name)) old[Symbol.dispose]();
    for (const [name, old] of upstreams) if (!set.clusters.has(name) && upstreams.delete(name)) old[Symbol.dispose]();
    last = set;
    onConfig?.(set, upstreams);
  }
}

const nobody: IdentitySource = {
  current: () => undefined,
  ready: () => new Promise(() => {}),
  watch: () => ({ [Symbol.dispose]: () => {} }),
};

/** Finds what is wrong with a resource by compiling it: what could not run is refused, and the last good one stays. */
export function validate({ typeUrl, message }: MessageResource): readonly Finding[] {
  const config = { name: "", routes: new Map(), secrets: new Map() };
  try {
    if (typeUrl === RouteConfiguration.typeUrl) routeTable(message as RouteConfiguration);
    if (typeUrl === Cluster.typeUrl)
      new Upstream({ ...config, cluster: message as Cluster }, nobody, () => {})[Symbol.dispose]();
    const around = { identity: nobody, upstreams: new Map<string, Upstream>(), count: () => {} };
    if (typeUrl === Listener.typeUrl) listen({ ...config, listener: message as Listener }, around);
    return [];
  } catch (error) {
    const { issues, path = "", message } = error as Error & { issues?: readonly Finding[]; path?: string };
    return issues ?? [{ path, message }];
  }
}
