import { pack } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { afterEach, describe, expect, test } from "vitest";
import type { ConfigSet } from "../../../packages/xds/src/config-set.js";
import type { MessageResource } from "../../../packages/xds/src/resource.js";
import { createClient } from "../../../packages/xds/src/shell/client.js";
import { createServer } from "../../../packages/xds/src/shell/server.js";
import { createSnapshotCache } from "../../../packages/xds/src/shell/snapshot-cache.js";
import type { ClientEvent, ClientOptions } from "../../../packages/xds/src/xds-client.js";
import type { ServerEvent } from "../../../packages/xds/src/xds-server.js";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function cluster(name: string): MessageResource {
  const message: Cluster = {
    name,
    type: "EDS",
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3" } },
    connectTimeout: { seconds: 1n },
  };
  return { typeUrl: Cluster.typeUrl, name, message };
}

function endpoints(name: string, port: number): MessageResource {
  const address = { socketAddress: { address: "127.0.0.1", portValue: port } };
  const message: ClusterLoadAssignment = {
    clusterName: name,
    endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }],
  };
  return { typeUrl: ClusterLoadAssignment.typeUrl, name, message };
}

function listener(name: string, routeConfigName: string): MessageResource {
  const manager: HttpConnectionManager = {
    statPrefix: name,
    rds: { routeConfigName, configSource: { ads: {}, resourceApiVersion: "V3" } },
  };
  const message: Listener = {
    name,
    address: { socketAddress: { address: "127.0.0.1", portValue: 0 } },
    filterChains: [{ filters: [{ name: "hcm", typedConfig: pack(HttpConnectionManager, manager) }] }],
  };
  return { typeUrl: Listener.typeUrl, name, message };
}

function route(name: string, to: string): MessageResource {
  const message: RouteConfiguration = {
    name,
    virtualHosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: to } }] }],
  };
  return { typeUrl: RouteConfiguration.typeUrl, name, message };
}

async function start(variant: "sotw" | "delta", options: Partial<ClientOptions> = {}) {
  const cache = createSnapshotCache();
  const served: ServerEvent[] = [];
  const server = createServer({ cache, onEvent: (event) => served.push(event) });
  open.push(server);
  const port = await server.listen("127.0.0.1:0");
  const events: ClientEvent[] = [];
  const client = createClient({
    bootstrap: { servers: [{ uri: `127.0.0.1:${port}`, variant }], node: { id: "proxy" } },
    onEvent: (event) => events.push(event),
    ...options,
  });
  open.push(client);
  const sets = client.config()[Symbol.asyncIterator]();
  const next = async (): Promise<ConfigSet> => (await sets.next()).value;
  return { cache, server, client, events, served, next };
}

function changes(set: ConfigSet): readonly string[] {
  return set.changes.map(({ kind, name, change }) => `${change} ${kind} ${name}`).sort();
}

describe.each([{ variant: "sotw" }, { variant: "delta" }] as const)("complete sets over $variant", ({ variant }) => {
  test("the first set is complete, later ones name what changed and keep the identity of the rest", async () => {
    const { cache, next } = await start(variant);
    const stable = [cluster("a"), listener("l", "r"), route("r", "a")];
    cache.set("proxy", [...stable, endpoints("a", 1)]);
    const first = await next();
    expect(changes(first)).toEqual(["added cluster a", "added endpoints a", "added listener l", "added route r"]);
    expect(first.clusters.get("a")?.endpoints).toEqual(endpoints("a", 1).message);
    expect(first.listeners.get("l")?.routes.get("r")).toEqual(route("r", "a").message);
    cache.set("proxy", [...stable, endpoints("a", 2)]);
    const second = await next();
    expect(changes(second)).toEqual(["updated endpoints a"]);
    expect(second.listeners.get("l")).toBe(first.listeners.get("l"));
  });

  test("traffic moves to a new cluster without a set in which the route has none", async () => {
    const { cache, next } = await start(variant);
    cache.set("proxy", [cluster("a"), endpoints("a", 1), listener("l", "r"), route("r", "a")]);
    let set = await next();
    cache.set("proxy", [cluster("b"), endpoints("b", 2), listener("l", "r"), route("r", "b")]);
    const seen: string[] = [];
    while (set.clusters.has("a")) {
      set = await next();
      const config = set.listeners.get("l")?.routes.get("r");
      const target = config?.virtualHosts?.[0]?.routes?.[0]?.route?.cluster ?? "none";
      expect(set.clusters.get(target)?.endpoints).toBeDefined();
      seen.push(target);
    }
    expect(seen.at(-1)).toBe("b");
  });

  test("what validate refuses keeps its last good form, is named on both sides, and disturbs nothing else", async () => {
    const { cache, next, events, server } = await start(variant, {
      validate: ({ name, message }) => {
        const { virtualHosts = [] } = message as RouteConfiguration;
        if (name !== "r" || virtualHosts.length < 2) return [];
        return [{ path: "virtual_hosts[1].domains[0]", message: 'duplicate domain "*"', code: "ERR_ROUTER_DUPLICATE" }];
      },
    });
    const good = route("r", "a");
    cache.set("proxy", [cluster("a"), endpoints("a", 1), listener("l", "r"), good]);
    await next();
    const { virtualHosts = [] } = good.message as RouteConfiguration;
    const broken: MessageResource = {
      ...good,
      message: { name: "r", virtualHosts: [...virtualHosts, ...virtualHosts] },
    };
    cache.set("proxy", [cluster("a"), endpoints("a", 7), listener("l", "r"), broken]);
    const set = await next();
    expect(changes(set)).toEqual(["updated endpoints a"]);
    expect(set.listeners.get("l")?.routes.get("r")).toEqual(good.message);
    while (!events.some(({ kind }) => kind === "nack")) await new Promise((resolve) => setImmediate(resolve));
    const reason = { resource: "r", field: "virtual_hosts[1].domains[0]" };
    expect(events.find(({ kind }) => kind === "nack")).toMatchObject({ nack: { reasons: [reason] } });
    const status = () => server.clients()[0]?.types.find(({ typeUrl }) => typeUrl === RouteConfiguration.typeUrl);
    while (status()?.nack === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(status()?.nack).toMatchObject({
      node: { id: "proxy" },
      reasons: [{ ...reason, reason: 'duplicate domain "*" (ERR_ROUTER_DUPLICATE)' }],
    });
  });

  test("a breach of the structure rules inside a filter is refused with its path", async () => {
    const { cache, next, events } = await start(variant);
    cache.set("proxy", [listener("good", "r"), route("r", "none")]);
    await next();
    const filters = [{ name: "hcm", typedConfig: pack(HttpConnectionManager, { rds: {} }) }];
    const message: Listener = { name: "bad", filterChains: [{ filters }] };
    cache.set("proxy", [
      listener("good", "r"),
      route("r", "none"),
      { typeUrl: Listener.typeUrl, name: "bad", message },
    ]);
    while (!events.some(({ kind }) => kind === "nack")) await new Promise((resolve) => setImmediate(resolve));
    expect(events.find(({ kind }) => kind === "nack")).toMatchObject({
      nack: { reasons: expect.arrayContaining([expect.objectContaining({ resource: "bad" })]) },
    });
  });
});

test("several clients with snapshots of their own", async () => {
  const cache = createSnapshotCache();
  const server = createServer({ cache });
  open.push(server);
  const port = await server.listen("127.0.0.1:0");
  const names = ["one", "two", "three"];
  for (const name of names) cache.set(name, [cluster(`of-${name}`), endpoints(`of-${name}`, 1)]);
  const firsts = names.map(async (id) => {
    const client = createClient({ bootstrap: { servers: [{ uri: `127.0.0.1:${port}` }], node: { id } } });
    open.push(client);
    for await (const set of client.config()) return [...set.clusters.keys()];
    return [];
  });
  expect(await Promise.all(firsts)).toEqual([["of-one"], ["of-two"], ["of-three"]]);
});

test("a signal ends the iteration", async () => {
  const { client, cache } = await start("delta");
  cache.set("proxy", [cluster("a"), endpoints("a", 1)]);
  const abort = new AbortController();
  let sets = 0;
  for await (const _ of client.config({ signal: abort.signal })) {
    sets++;
    abort.abort();
  }
  expect(sets).toBe(1);
});
