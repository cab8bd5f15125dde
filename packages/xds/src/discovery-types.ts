/** What the protocol knows of one resource type. */
export interface DiscoveryType {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** The usual name of its service: `CDS`. */
  readonly short: string;
  /** The gRPC service that carries this type alone. */
  readonly service: string;
  /** Its state-of-the-world method; absent where the service offers delta only. */
  readonly sotwMethod?: string;
  /** Its delta method. */
  readonly deltaMethod: string;
  /** Its unary method and the REST path it is bound to; absent where there is none. */
  readonly fetch?: { readonly method: string; readonly path: string };
  /** Whether a state-of-the-world response is the whole set, so that absence means deletion. */
  readonly fullSet: boolean;
  /** Whether a first request without names means everything. */
  readonly legacyWildcard: boolean;
  /** The message field that names the resource. */
  readonly nameField: string;
}

const PREFIX = "type.googleapis.com/";

function discoveryType(
  short: string,
  message: string,
  service: string,
  stem: string,
  traits: {
    readonly fullSet?: boolean;
    readonly legacyWildcard?: boolean;
    readonly deltaOnly?: boolean;
    readonly rest?: string;
    readonly nameField?: string;
  },
): DiscoveryType {
  const { fullSet = false, legacyWildcard = false, deltaOnly = false, rest, nameField = "name" } = traits;
  return {
    typeUrl: PREFIX + message,
    short,
    service,
    ...(deltaOnly ? {} : { sotwMethod: `Stream${stem}` }),
    deltaMethod: `Delta${stem}`,
    ...(rest === undefined ? {} : { fetch: { method: `Fetch${stem}`, path: `/v3/discovery:${rest}` } }),
    fullSet,
    legacyWildcard,
    nameField,
  };
}

/**
 * The types with a service of their own, in the order in which they are pushed: what is referred to comes before what
 * refers to it.
 *
 * ScopedRouteConfiguration counts as a full set although the protocol page names LDS and CDS only: Envoy subscribes to it
 * without names and drops what a response leaves out.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 */
export const DISCOVERY_TYPES: readonly DiscoveryType[] = [
  discoveryType(
    "CDS",
    "envoy.config.cluster.v3.Cluster",
    "envoy.service.cluster.v3.ClusterDiscoveryService",
    "Clusters",
    {
      fullSet: true,
      legacyWildcard: true,
      rest: "clusters",
    },
  ),
  discoveryType(
    "EDS",
    "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "envoy.service.endpoint.v3.EndpointDiscoveryService",
    "Endpoints",
    { rest: "endpoints", nameField: "clusterName" },
  ),
  discoveryType(
    "LEDS",
    "envoy.config.endpoint.v3.LbEndpoint",
    "envoy.service.endpoint.v3.LocalityEndpointDiscoveryService",
    "LocalityEndpoints",
    { deltaOnly: true },
  ),
  discoveryType(
    "SDS",
    "envoy.extensions.transport_sockets.tls.v3.Secret",
    "envoy.service.secret.v3.SecretDiscoveryService",
    "Secrets",
    { rest: "secrets" },
  ),
  discoveryType(
    "LDS",
    "envoy.config.listener.v3.Listener",
    "envoy.service.listener.v3.ListenerDiscoveryService",
    "Listeners",
    { fullSet: true, legacyWildcard: true, rest: "listeners" },
  ),
  discoveryType(
    "RDS",
    "envoy.config.route.v3.RouteConfiguration",
    "envoy.service.route.v3.RouteDiscoveryService",
    "Routes",
    { rest: "routes" },
  ),
  discoveryType(
    "SRDS",
    "envoy.config.route.v3.ScopedRouteConfiguration",
    "envoy.service.route.v3.ScopedRoutesDiscoveryService",
    "ScopedRoutes",
    { fullSet: true, legacyWildcard: true, rest: "scoped-routes" },
  ),
  discoveryType(
    "VHDS",
    "envoy.config.route.v3.VirtualHost",
    "envoy.service.route.v3.VirtualHostDiscoveryService",
    "VirtualHosts",
    { legacyWildcard: true, deltaOnly: true },
  ),
  discoveryType(
    "RTDS",
    "envoy.service.runtime.v3.Runtime",
    "envoy.service.runtime.v3.RuntimeDiscoveryService",
    "Runtime",
    {
      rest: "runtime",
    },
  ),
  discoveryType(
    "ECDS",
    "envoy.config.core.v3.TypedExtensionConfig",
    "envoy.service.extension.v3.ExtensionConfigDiscoveryService",
    "ExtensionConfigs",
    { rest: "extension_configs" },
  ),
];

/** The aggregated service and its two methods. */
export const AGGREGATED_SERVICE = {
  service: "envoy.service.discovery.v3.AggregatedDiscoveryService",
  sotwMethod: "StreamAggregatedResources",
  deltaMethod: "DeltaAggregatedResources",
} as const;

const byTypeUrl: ReadonlyMap<string, DiscoveryType> = new Map(DISCOVERY_TYPES.map((type) => [type.typeUrl, type]));
const ranks: ReadonlyMap<string, number> = new Map(DISCOVERY_TYPES.map((type, index) => [type.typeUrl, index]));

/** The well-known type of that URL; `undefined` for a custom one. */
export function discoveryTypeOf(typeUrl: string): DiscoveryType | undefined {
  return byTypeUrl.get(typeUrl);
}

/** Whether a state-of-the-world response of that type is the whole set. Custom types are sent piecewise. */
export function isFullSet(typeUrl: string): boolean {
  return byTypeUrl.get(typeUrl)?.fullSet ?? false;
}

/** Whether a first request without names means everything. True for custom types, which mostly have no names to give. */
export function allowsLegacyWildcard(typeUrl: string): boolean {
  return byTypeUrl.get(typeUrl)?.legacyWildcard ?? true;
}

/** Compares two type URLs by push order; custom types come last, by name. */
export function comparePushOrder(a: string, b: string): number {
  const last = DISCOVERY_TYPES.length;
  return (ranks.get(a) ?? last) - (ranks.get(b) ?? last) || (a < b ? -1 : a > b ? 1 : 0);
}

/** The URLs of the types that {@link ConfigSet} is made of, and of the one that splits routes by virtual host. */
export const TYPE_URL = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  scopedRoute: "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
  extension: "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;
