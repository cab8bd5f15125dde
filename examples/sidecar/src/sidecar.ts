import type { IdentitySource } from "@weftmesh/cert";
import type { LbEvent } from "@weftmesh/lb";
import type { ConfigSet, Finding, MessageResource } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { type Listening, listen, routeTable } from "./listener.js";
import { Upstream } from "./upstream.js";

/** A proxy in front of one application: mutual TLS towards its peers, routes for what goes out, rules for what comes in. */
export class Sidecar {
  readonly upstreams: Map<string, Upstream> = new Map<string, Upstream>();
  readonly counters: Map<string, number> = new Map<string, number>();
  readonly identity: IdentitySource;
  readonly #listeners = new Map<string, Listening>();
  readonly #onHost: (event: LbEvent) => void;

  /** @param onHost - Called when a host is ejected and when it comes back. */
  constructor(identity: IdentitySource, onHost: (event: LbEvent) => void = () => {}) {
    this.identity = identity;
    this.#onHost = onHost;
  }

  /** Counts an occurrence. */
  readonly count = (name: string): void => {
    this.counters.set(name, (this.counters.get(name) ?? 0) + 1);
  };

  /** Finds what is wrong with a resource by compiling it: what could not run is refused, and the last good one stays. */
  readonly validate = ({ typeUrl, message }: MessageResource): readonly Finding[] => {
    try {
      if (typeUrl === RouteConfiguration.typeUrl) routeTable(message as RouteConfiguration);
      const config = { name: "", routes: new Map(), secrets: new Map() };
      if (typeUrl === Listener.typeUrl) listen({ ...config, listener: message as Listener }, this);
      if (typeUrl === Cluster.typeUrl) {
        new Upstream({ ...config, cluster: message as Cluster }, this.identity, this.#onHost)[Symbol.dispose]();
      }
      return [];
    } catch (error) {
      const { issues, path = "", message } = error as Error & { issues?: readonly Finding[]; path?: string };
      return issues ?? [{ path, message }];
    }
  };

  /** Puts each set to work until there are no more. Make before break: what routes name comes first and goes last. */
  async run(configs: AsyncIterable<ConfigSet>, onConfig: (set: ConfigSet) => void): Promise<void> {
    let last: ConfigSet | undefined;
    for await (const set of configs) {
      for (const [name, next] of set.clusters) {
        const old = this.upstreams.get(name);
        if (old && last?.clusters.get(name)?.cluster === next.cluster) old.update(next);
        else {
          this.upstreams.set(name, new Upstream(next, this.identity, this.#onHost));
          old?.[Symbol.dispose]();
        }
      }
      for (const [name, next] of set.listeners) {
        const open = this.#listeners.get(name) ?? listen(next, this);
        if (this.#listeners.has(name)) open.update(next);
        else await open.open();
        this.#listeners.set(name, open);
      }
      for (const [name, open] of this.#listeners)
        if (!set.listeners.has(name) && this.#listeners.delete(name)) open[Symbol.dispose]();
      for (const [name, old] of this.upstreams)
        if (!set.clusters.has(name) && this.upstreams.delete(name)) old[Symbol.dispose]();
      last = set;
      onConfig(set);
    }
  }
}
