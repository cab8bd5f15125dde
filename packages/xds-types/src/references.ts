import { openAny } from "./any.js";
import { findMessage, type MessageDescriptor } from "./descriptor.js";
import type { Any } from "./message.js";
import type { Resource } from "./resource.js";
import { typeNameOf, urlOf } from "./type-url.js";
import { anyType, jsonTypes, maxDepth, wrappers } from "./wire/special.js";

/** One resource names another. */
export interface Reference {
  /** The type of what is named. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** Where it is named, in the proto's spelling: `virtual_hosts[0].routes[1].route.cluster`. */
  readonly path: string;
}

const cluster = urlOf("envoy.config.cluster.v3.Cluster");
const endpoints = urlOf("envoy.config.endpoint.v3.ClusterLoadAssignment");
const route = urlOf("envoy.config.route.v3.RouteConfiguration");
const secret = urlOf("envoy.extensions.transport_sockets.tls.v3.Secret");
const extension = urlOf("envoy.config.core.v3.TypedExtensionConfig");

/** A field that names a resource, wherever its message stands. */
export interface ReferenceRow {
  /** Full name of the message. */
  readonly message: string;
  /** The field with the name, or the names, in the proto's spelling. */
  readonly field: string;
  /** The type of what it names. */
  readonly typeUrl: string;
  /** The field that says where the resource comes from: only what the same server serves is a reference. */
  readonly source?: string;
}

const network = "envoy.extensions.filters.network";
const manager = `${network}.http_connection_manager.v3`;

/** What refers to what, in every message of the API that configures traffic. */
export const referenceTable: readonly ReferenceRow[] = [
  { message: "envoy.config.route.v3.RouteAction", field: "cluster", typeUrl: cluster },
  { message: "envoy.config.route.v3.RouteAction.RequestMirrorPolicy", field: "cluster", typeUrl: cluster },
  { message: "envoy.config.route.v3.WeightedCluster.ClusterWeight", field: "name", typeUrl: cluster },
  { message: `${network}.tcp_proxy.v3.TcpProxy`, field: "cluster", typeUrl: cluster },
  { message: `${network}.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight`, field: "name", typeUrl: cluster },
  { message: `${network}.redis_proxy.v3.RedisProxy.PrefixRoutes.Route`, field: "cluster", typeUrl: cluster },
  { message: `${network}.thrift_proxy.v3.RouteAction`, field: "cluster", typeUrl: cluster },
  { message: `${network}.thrift_proxy.v3.WeightedCluster.ClusterWeight`, field: "name", typeUrl: cluster },
  { message: `${network}.dubbo_proxy.v3.RouteAction`, field: "cluster", typeUrl: cluster },
  { message: "envoy.extensions.filters.udp.udp_proxy.v3.Route", field: "cluster", typeUrl: cluster },
  { message: "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig", field: "cluster", typeUrl: cluster },
  { message: "envoy.extensions.clusters.aggregate.v3.ClusterConfig", field: "clusters", typeUrl: cluster },
  { message: "envoy.config.core.v3.GrpcService.EnvoyGrpc", field: "cluster_name", typeUrl: cluster },
  { message: "envoy.config.core.v3.HttpUri", field: "cluster", typeUrl: cluster },
  { message: "envoy.config.core.v3.ApiConfigSource", field: "cluster_names", typeUrl: cluster },
  { message: "envoy.config.trace.v3.ZipkinConfig", field: "collector_cluster", typeUrl: cluster },
  { message: "envoy.config.trace.v3.DatadogConfig", field: "collector_cluster", typeUrl: cluster },
  { message: `${manager}.Rds`, field: "route_config_name", typeUrl: route, source: "config_source" },
  { message: "envoy.config.route.v3.ScopedRouteConfiguration", field: "route_configuration_name", typeUrl: route },
  {
    message: "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig",
    field: "name",
    typeUrl: secret,
    source: "sds_config",
  },
  { message: `${manager}.HttpFilter`, field: "name", typeUrl: extension, source: "config_discovery.config_source" },
  {
    message: "envoy.config.listener.v3.Filter",
    field: "name",
    typeUrl: extension,
    source: "config_discovery.config_source",
  },
  {
    message: "envoy.config.listener.v3.ListenerFilter",
    field: "name",
    typeUrl: extension,
    source: "config_discovery.config_source",
  },
  // EDS asks for the service name, and for the cluster's own name where that is empty.
  {
    message: "envoy.config.cluster.v3.Cluster.EdsClusterConfig",
    field: "service_name",
    typeUrl: endpoints,
    source: "eds_config",
  },
  {
    message: "envoy.config.cluster.v3.Cluster",
    field: "name",
    typeUrl: endpoints,
    source: "eds_cluster_config.eds_config",
  },
];

const rows = new Map<string, readonly ReferenceRow[]>();
for (const row of referenceTable) rows.set(row.message, [...(rows.get(row.message) ?? []), row]);

type Fields = Readonly<Record<string, unknown>>;

/**
 * What a resource refers to: routes, clusters, secrets and extension configurations of a listener, clusters of a route,
 * endpoints and secrets of a cluster. An `Any` of a type the schema has is opened; others are passed over.
 *
 * @throws {@link XdsTypesError} `ERR_XDS_TYPES_WIRE` if the bytes of an `Any` are not what its type says.
 */
export function referencesOf({ typeUrl, message }: Pick<Resource, "typeUrl" | "message">): readonly Reference[] {
  const type = findMessage(typeNameOf(typeUrl));
  const found: Reference[] = [];
  if (type !== undefined) walk(type, message, "", 0, found);
  return found;
}

function walk(type: MessageDescriptor, value: unknown, path: string, depth: number, found: Reference[]): void {
  if (typeof value !== "object" || value === null || depth > maxDepth) return;
  if (type.typeName === anyType) {
    const inner = findMessage(typeNameOf((value as Any).typeUrl));
    if (inner !== undefined) walk(inner, openAny(value as Any).message, path, depth + 1, found);
    return;
  }
  if (wrappers.has(type.typeName) || jsonTypes.has(type.typeName)) return;
  const message = value as Fields;
  for (const row of rows.get(type.typeName) ?? []) mention(row, message, path, found);
  for (const { of, name, jsonName, cardinality } of type.fields) {
    const held = message[jsonName];
    if (of.kind !== "message" || held === undefined) continue;
    const inner = findMessage(of.typeName);
    if (inner === undefined) continue;
    const at = path === "" ? name : `${path}.${name}`;
    if (cardinality === "one") walk(inner, held, at, depth + 1, found);
    else if (cardinality === "list") {
      for (const [index, item] of (held as readonly unknown[]).entries()) {
        walk(inner, item, `${at}[${index}]`, depth + 1, found);
      }
    } else {
      for (const [key, item] of Object.entries(held as object)) {
        walk(inner, item, `${at}[${JSON.stringify(key)}]`, depth + 1, found);
      }
    }
  }
}

function mention(row: ReferenceRow, message: Fields, path: string, found: Reference[]): void {
  if (row.source !== undefined && !isServedHere(message, row.source)) return;
  if (row.typeUrl === endpoints && row.field === "name") {
    const { type, edsClusterConfig } = message as { type?: unknown; edsClusterConfig?: { serviceName?: unknown } };
    if (type !== "EDS" || (edsClusterConfig?.serviceName ?? "") !== "") return;
  }
  const at = path === "" ? row.field : `${path}.${row.field}`;
  const held = message[camelCase(row.field)];
  const names: readonly unknown[] = Array.isArray(held) ? held : [held];
  names.forEach((name, index) => {
    if (typeof name !== "string" || name === "") return;
    found.push({ typeUrl: row.typeUrl, name, path: Array.isArray(held) ? `${at}[${index}]` : at });
  });
}

/** A file or another server answers for what has another source; a resource without one is not asked for at all. */
function isServedHere(message: Fields, source: string): boolean {
  let held: unknown = message;
  for (const name of source.split(".")) held = (held as Fields | undefined)?.[camelCase(name)];
  if (typeof held !== "object" || held === null) return false;
  return !("path" in held || "pathConfigSource" in held || "apiConfigSource" in held);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
