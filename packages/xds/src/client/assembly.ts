import type { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Secret } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import type { ClusterConfig, ConfigSet, ListenerConfig } from "../config-set.js";
import { TYPE_URL } from "../discovery-types.js";
import type { Reference } from "../resource.js";
import { configChanges } from "./config-changes.js";
import type { ClientEntry, ClientType } from "./entry.js";

/** What a set is assembled from: the state of the types involved, and what each message refers to. */
export interface AssemblyInput {
  /** The state of a type; `undefined` before it was asked for. */
  readonly type: (typeUrl: string) => ClientType | undefined;
  /** What a message refers to. */
  readonly references: (typeUrl: string, message: unknown) => readonly Reference[];
}

/** A set, and what has to be subscribed for the next one. */
export interface Assembly {
  /** The set to be used; the previous one if nothing in it differs, `undefined` before the first is complete. */
  readonly set: ConfigSet | undefined;
  /** Names that listeners and clusters refer to, by type URL. */
  readonly wanted: ReadonlyMap<string, ReadonlySet<string>>;
  /** Names of resources that are not in the set yet because something they refer to has not come. */
  readonly waiting: readonly string[];
}

/** The types a set names by reference. */
export const REFERENCED_TYPES: readonly string[] = [TYPE_URL.endpoints, TYPE_URL.route, TYPE_URL.secret];

/**
 * Makes the next set from what has come so far.
 *
 * A cluster enters when its endpoints and secrets are there or known not to come; a listener when its routes and secrets
 * are; a route configuration when no cluster it refers to is still on its way. Until then their previous forms stay. A
 * cluster that was deleted stays as long as something in the set refers to it. Envoy warms clusters and listeners in the
 * same way, but not routes, and leaves that to the server's order (O4).
 *
 * @param previous - The last set assembled: what is missing keeps its form there.
 * @param reported - The last set the reader took: changes are told against it.
 */
export function assemble(
  previous: ConfigSet | undefined,
  input: AssemblyInput,
  reported: ConfigSet | undefined = previous,
): Assembly {
  const wanted = new Map(REFERENCED_TYPES.map((typeUrl) => [typeUrl, new Set<string>()]));
  const waiting: string[] = [];
  const context: Context = { input, wanted, waiting };
  const clusters = assembleClusters(previous, context);
  const listeners = assembleListeners(previous, clusters, context);
  keepReferenced(previous, clusters, listeners, input);
  const known = input.type(TYPE_URL.cluster)?.answered === true && input.type(TYPE_URL.listener)?.answered === true;
  if (previous === undefined && (!known || waiting.length > 0)) return { set: undefined, wanted, waiting };
  if (previous !== undefined && configChanges(previous, { listeners, clusters }).length === 0) {
    return { set: previous, wanted, waiting };
  }
  const changes = configChanges(reported, { listeners, clusters });
  const set: ConfigSet = { generation: (previous?.generation ?? 0) + 1, listeners, clusters, changes };
  return { set, wanted, waiting };
}

interface Context {
  readonly input: AssemblyInput;
  readonly wanted: ReadonlyMap<string, Set<string>>;
  readonly waiting: string[];
}

function accepted(type: ClientType | undefined): readonly (readonly [string, unknown])[] {
  const found: (readonly [string, unknown])[] = [];
  for (const [name, entry] of type?.entries ?? []) {
    if (entry.accepted !== undefined) found.push([name, entry.accepted.message]);
  }
  return found;
}

/** The parts of one type that a message refers to; `undefined` while one of them has not come. */
function parts<T>(
  { input, wanted }: Context,
  references: readonly Reference[],
  typeUrl: string,
  before: ReadonlyMap<string, T> | undefined,
): ReadonlyMap<string, T> | undefined {
  const found = new Map<string, T>();
  let complete = true;
  for (const reference of references) {
    if (reference.typeUrl !== typeUrl) continue;
    wanted.get(typeUrl)?.add(reference.name);
    const entry = input.type(typeUrl)?.entries.get(reference.name);
    const message = entry?.accepted?.message ?? before?.get(reference.name);
    if (message !== undefined) found.set(reference.name, message as T);
    else if (isPending(entry)) complete = false;
  }
  return complete ? found : undefined;
}

function isPending(entry: ClientEntry | undefined): boolean {
  return entry === undefined || entry.status === "requested";
}

function assembleClusters(previous: ConfigSet | undefined, context: Context): Map<string, ClusterConfig> {
  const clusters = new Map<string, ClusterConfig>();
  for (const [name, message] of accepted(context.input.type(TYPE_URL.cluster))) {
    const before = previous?.clusters.get(name);
    const next = clusterConfig(name, message as Cluster, before, context);
    if (next === undefined) context.waiting.push(name);
    // While a new form warms, the old one follows its own endpoints.
    const kept = next ?? (before && (clusterConfig(name, before.cluster, before, context) ?? before));
    if (kept !== undefined) clusters.set(name, kept);
  }
  return clusters;
}

function clusterConfig(
  name: string,
  cluster: Cluster,
  before: ClusterConfig | undefined,
  context: Context,
): ClusterConfig | undefined {
  const references = context.input.references(TYPE_URL.cluster, cluster);
  const source = references.find(({ typeUrl }) => typeUrl === TYPE_URL.endpoints);
  // What EDS said before still holds when it goes silent: endpoints are deleted through their cluster (S6).
  const sameSource = before?.endpoints !== undefined && before.endpoints.clusterName === source?.name;
  const assignments = parts<ClusterLoadAssignment>(
    context,
    references,
    TYPE_URL.endpoints,
    sameSource && before.endpoints !== undefined ? new Map([[source?.name ?? "", before.endpoints]]) : undefined,
  );
  const secrets = parts<Secret>(context, references, TYPE_URL.secret, before?.secrets);
  if (assignments === undefined || secrets === undefined) return undefined;
  const endpoints = source === undefined ? cluster.loadAssignment : assignments.get(source.name);
  if (before?.cluster === cluster && before.endpoints === endpoints && sameParts(before.secrets, secrets))
    return before;
  return { name, cluster, ...(endpoints === undefined ? {} : { endpoints }), secrets };
}

function assembleListeners(
  previous: ConfigSet | undefined,
  clusters: ReadonlyMap<string, ClusterConfig>,
  context: Context,
): Map<string, ListenerConfig> {
  const listeners = new Map<string, ListenerConfig>();
  for (const [name, message] of accepted(context.input.type(TYPE_URL.listener))) {
    const before = previous?.listeners.get(name);
    const next = listenerConfig(name, message as Listener, before, clusters, context);
    if (next === undefined) context.waiting.push(name);
    const kept = next ?? (before && (listenerConfig(name, before.listener, before, clusters, context) ?? before));
    if (kept !== undefined) listeners.set(name, kept);
  }
  return listeners;
}

function listenerConfig(
  name: string,
  listener: Listener,
  before: ListenerConfig | undefined,
  clusters: ReadonlyMap<string, ClusterConfig>,
  context: Context,
): ListenerConfig | undefined {
  const references = context.input.references(TYPE_URL.listener, listener);
  const newest = parts<RouteConfiguration>(context, references, TYPE_URL.route, before?.routes);
  const secrets = parts<Secret>(context, references, TYPE_URL.secret, before?.secrets);
  if (newest === undefined || secrets === undefined) return undefined;
  const routes = new Map<string, RouteConfiguration>();
  for (const [routeName, route] of newest) {
    const onTheirWay = warmingClusters(route, clusters, context);
    const held = onTheirWay.length === 0 ? route : before?.routes.get(routeName);
    if (held === undefined) return undefined;
    if (held !== route) context.waiting.push(routeName);
    routes.set(routeName, held);
  }
  if (before?.listener === listener && sameParts(before.routes, routes) && sameParts(before.secrets, secrets)) {
    return before;
  }
  return { name, listener, routes, secrets };
}

/** Clusters a route refers to that are known and not warm; a cluster nobody knows of does not hold a route back. */
function warmingClusters(
  route: RouteConfiguration,
  clusters: ReadonlyMap<string, ClusterConfig>,
  { input }: Context,
): readonly string[] {
  const known = input.type(TYPE_URL.cluster)?.entries;
  return input
    .references(TYPE_URL.route, route)
    .filter(({ typeUrl, name }) => typeUrl === TYPE_URL.cluster && !clusters.has(name))
    .filter(({ name }) => known?.get(name)?.accepted !== undefined)
    .map(({ name }) => name);
}

function keepReferenced(
  previous: ConfigSet | undefined,
  clusters: Map<string, ClusterConfig>,
  listeners: ReadonlyMap<string, ListenerConfig>,
  input: AssemblyInput,
): void {
  if (previous === undefined) return;
  const gone = [...previous.clusters].filter(([name]) => !clusters.has(name));
  if (gone.length === 0) return;
  const used = new Set<string>();
  for (const { listener, routes } of listeners.values()) {
    for (const { typeUrl, name } of input.references(TYPE_URL.listener, listener)) {
      if (typeUrl === TYPE_URL.cluster) used.add(name);
    }
    for (const route of routes.values()) {
      for (const { name } of input.references(TYPE_URL.route, route)) used.add(name);
    }
  }
  for (const [name, entry] of gone) if (used.has(name)) clusters.set(name, entry);
}

function sameParts<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  if (a.size !== b.size) return false;
  for (const [name, part] of a) if (b.get(name) !== part) return false;
  return true;
}
