import type { Bootstrap, ServerConfig } from "./bootstrap.js";
import type { NodeIdentity } from "./node.js";

/** How an Envoy is to talk to its management server. */
export interface EnvoyBootstrapOptions {
  /** Who the Envoy is. */
  readonly node: Partial<NodeIdentity> & { readonly id: string };
  /** `host:port` of the server, or `unix:PATH`. */
  readonly server: string;
  /** One aggregated stream, in either variant. Default `"delta"`. */
  readonly variant?: "sotw" | "delta";
  /** One stream for all types, or one a type. Default `"aggregated"`. */
  readonly streams?: "aggregated" | "separate";
  /** `host:port` of the admin interface. Default: none. */
  readonly admin?: string;
}

/** Name of the static cluster that leads to the management server. */
const SERVER_CLUSTER = "xds";

/** Writes the bootstrap of gRPC's xDS clients, as JSON data. */
export function grpcBootstrap({ servers, node, authorities }: Bootstrap): object {
  return {
    xds_servers: servers.map(grpcServer),
    node: nodeJson(node),
    ...(authorities === undefined
      ? {}
      : {
          authorities: Object.fromEntries(
            Object.entries(authorities).map(([name, authority]) => [
              name,
              {
                ...(authority.servers === undefined ? {} : { xds_servers: authority.servers.map(grpcServer) }),
                ...(authority.clientListenerResourceNameTemplate === undefined
                  ? {}
                  : { client_listener_resource_name_template: authority.clientListenerResourceNameTemplate }),
              },
            ]),
          ),
        }),
  };
}

/**
 * Writes an Envoy bootstrap that takes everything from one management server: listeners and clusters by ADS, or on streams
 * of their own, over HTTP/2 with keepalive. The result is JSON data and valid YAML input of Envoy.
 */
export function envoyBootstrap(options: EnvoyBootstrapOptions): object {
  const { node, server, variant = "delta", streams = "aggregated", admin } = options;
  const api = {
    api_type: variant === "delta" ? "DELTA_GRPC" : "GRPC",
    transport_api_version: "V3",
    // V6: the server keeps the node of the first request.
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: SERVER_CLUSTER } }],
  };
  const source = streams === "aggregated" ? { ads: {} } : { api_config_source: api };
  const config = { resource_api_version: "V3", ...source };
  return {
    node: nodeJson(node),
    ...(admin === undefined ? {} : { admin: { address: addressJson(admin) } }),
    dynamic_resources: {
      ...(streams === "aggregated" ? { ads_config: api } : {}),
      lds_config: config,
      cds_config: config,
    },
    static_resources: { clusters: [serverCluster(server)] },
  };
}

function serverCluster(server: string): object {
  const keepalive = { connection_keepalive: { interval: "30s", timeout: "5s" } };
  const numeric = server.startsWith("unix:") || /^(\d+\.\d+\.\d+\.\d+|\[[^\]]*\]):\d+$/.test(server);
  return {
    name: SERVER_CLUSTER,
    type: numeric ? "STATIC" : "STRICT_DNS",
    connect_timeout: "5s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: keepalive },
      },
    },
    load_assignment: {
      cluster_name: SERVER_CLUSTER,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: addressJson(server) } }] }],
    },
  };
}

function addressJson(address: string): object {
  if (address.startsWith("unix:")) return { pipe: { path: address.slice(5) } };
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { socket_address: { address: host, port_value: Number(address.slice(colon + 1)) } };
}

function grpcServer({ uri, features = [], credentials = ["insecure"] }: ServerConfig): object {
  return {
    server_uri: uri,
    channel_creds: credentials.map((type) => ({ type })),
    server_features: features.includes("xds_v3") ? features : ["xds_v3", ...features],
  };
}

function nodeJson({ id, cluster, locality, metadata }: Partial<NodeIdentity>): object {
  return {
    id,
    ...(cluster === undefined ? {} : { cluster }),
    ...(metadata === undefined ? {} : { metadata }),
    // grpc-js-xds cannot read a node without a locality.
    locality: {
      ...(locality?.region === undefined ? {} : { region: locality.region }),
      ...(locality?.zone === undefined ? {} : { zone: locality.zone }),
      ...(locality?.subZone === undefined ? {} : { sub_zone: locality.subZone }),
    },
  };
}
