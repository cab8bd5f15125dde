import type { Bootstrap } from "../bootstrap.js";
import type { ResourceStatus } from "../client/status.js";
import type { ClientDump } from "../client-dump.js";
import type { ConfigSet } from "../config-set.js";
import type { ResourceType } from "../resource.js";
import type { WatchError, WatchUpdate } from "../watch.js";
import type { ClientOptions, XdsClient } from "../xds-client.js";
import { canonicalName, isXdstp, parseXdstp } from "../xdstp.js";
import { endOn, Feed } from "./feed.js";

/**
 * A client of several authorities (gRFC A47, N6): each list of servers has one client, whoever names it, and each name goes
 * to the servers of its authority.
 */
export class FederatedClient implements XdsClient {
  readonly #options: ClientOptions;
  readonly #make: (options: ClientOptions) => XdsClient;
  readonly #clients: Map<string, XdsClient> = new Map();
  readonly #primary: XdsClient;

  constructor(options: ClientOptions, make: (options: ClientOptions) => XdsClient) {
    this.#options = options;
    this.#make = make;
    this.#primary = this.#clientOf(options.bootstrap.servers);
  }

  watch<T>(
    type: ResourceType<T>,
    names: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): AsyncIterable<WatchUpdate<T>> {
    const groups = new Map<XdsClient, string[]>();
    const unknown = new Map<string, WatchError>();
    for (const name of names) {
      const client = this.#serving(name);
      if (client === undefined) {
        const message = "no servers are configured for its authority";
        unknown.set(canonicalName(name), { kind: "server", transient: false, message });
      } else groups.set(client, [...(groups.get(client) ?? []), name]);
    }
    const [only] = groups;
    if (only !== undefined && groups.size === 1 && unknown.size === 0) {
      return only[0].watch(type, only[1], signal === undefined ? {} : { signal });
    }
    return { [Symbol.asyncIterator]: () => merged(type, groups, unknown, signal) };
  }

  config(options?: { readonly signal?: AbortSignal }): AsyncIterable<ConfigSet> {
    return this.#primary.config(options);
  }

  status(): readonly ResourceStatus[] {
    return [...this.#clients.values()].flatMap((client) => client.status());
  }

  dump(): ClientDump {
    const { node } = this.#primary.dump();
    return { node, resources: [...this.#clients.values()].flatMap((client) => client.dump().resources) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The client for a name; `undefined` if nobody serves its authority: an error of that resource alone. */
  #serving(name: string): XdsClient | undefined {
    if (!isXdstp(name)) return this.#primary;
    const { servers, authorities = {}, defaultServers } = this.#options.bootstrap;
    let authority: string;
    try {
      ({ authority } = parseXdstp(name));
    } catch {
      return undefined;
    }
    const known = Object.hasOwn(authorities, authority) ? authorities[authority] : undefined;
    if (known !== undefined) return this.#clientOf(known.servers ?? servers);
    return defaultServers === undefined ? undefined : this.#clientOf(defaultServers);
  }

  // The same servers listed twice are one stream.
  #clientOf(servers: Bootstrap["servers"]): XdsClient {
    const key = JSON.stringify(servers);
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = this.#make({ ...this.#options, bootstrap: { ...this.#options.bootstrap, servers } });
      this.#clients.set(key, client);
    }
    return client;
  }
}

/** The states of several watches as one state. */
function merged<T>(
  type: ResourceType<T>,
  groups: ReadonlyMap<XdsClient, readonly string[]>,
  unknown: ReadonlyMap<string, WatchError>,
  signal: AbortSignal | undefined,
): AsyncIterator<WatchUpdate<T>> {
  const latest = new Map<XdsClient, WatchUpdate<T>>();
  const abort = new AbortController();
  const all = signal === undefined ? abort.signal : AbortSignal.any([signal, abort.signal]);
  let dirty = unknown.size > 0;
  let told: ReadonlyMap<string, T> = new Map();
  const feed = new Feed<WatchUpdate<T>>(
    () => {
      if (!dirty) return undefined;
      dirty = false;
      const states = [...latest.values()];
      const resources = new Map(states.flatMap((state) => [...state.resources]));
      const before = told;
      told = resources;
      return {
        resources,
        versions: new Map(states.flatMap((state) => [...state.versions])),
        updated: [...resources].filter(([name, message]) => before.get(name) !== message).map(([name]) => name),
        removed: [...before.keys()].filter((name) => !resources.has(name)),
        missing: states.flatMap((state) => state.missing),
        errors: new Map([...unknown, ...states.flatMap((state) => [...state.errors])]),
      };
    },
    () => abort.abort(),
  );
  for (const [client, names] of groups) {
    void (async () => {
      for await (const state of client.watch(type, names, { signal: all })) {
        latest.set(client, state);
        dirty = true;
        feed.wake();
      }
    })();
  }
  return endOn(feed, signal);
}
