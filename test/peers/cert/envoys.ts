/** Bootstraps of two Envoys with mutual TLS between them, certificates and roots by SDS. */
import type { SpiffeId } from "@weftmesh/cert";
import type { BootstrapJson } from "../envoy.js";

/** Which of the two it is, and what is around it. */
export interface MtlsEnd {
  /** The client takes plain text and sends TLS; the server takes TLS and sends plain text. */
  readonly role: "client" | "server";
  /** The workload, with the port of its SDS server. */
  readonly own: { readonly id: SpiffeId; readonly port: number };
  /** Whom it talks to: nobody else is accepted. */
  readonly peer: SpiffeId;
  /** Where it forwards to. */
  readonly upstream: number;
}

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const HTTP = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3";
const ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
const PROTOCOL = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function cluster(name: string, port: number, more: object): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
  return { name, type: "STATIC", connect_timeout: "5s", load_assignment, ...more };
}

function protocol(options: object): object {
  return { typed_extension_protocol_options: { [PROTOCOL.slice(20)]: { "@type": PROTOCOL, ...options } } };
}

/**
 * The transport socket. The client asks state-of-the-world for Istio's names and verifies by roots alone; the server asks
 * delta for SPIRE's names and verifies with the SPIFFE validator.
 */
function transportSocket({ role, own, peer }: MtlsEnd): object {
  const api_config_source = {
    api_type: role === "client" ? "GRPC" : "DELTA_GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: "sds" } }],
  };
  const secret = (name: string): object => ({ name, sds_config: { resource_api_version: "V3", api_config_source } });
  const common_tls_context = {
    tls_certificate_sds_secret_configs: [secret(role === "client" ? "default" : own.id)],
    combined_validation_context: {
      default_validation_context: { match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: peer } }] },
      validation_context_sds_secret_config: secret(role === "client" ? "ROOTCA" : "ALL"),
    },
  };
  const name = role === "client" ? "UpstreamTlsContext" : "DownstreamTlsContext";
  const typed_config = {
    "@type": `${TLS}.${name}`,
    common_tls_context,
    ...(role === "server" ? { require_client_certificate: true } : {}),
  };
  return { transport_socket: { name: "envoy.transport_sockets.tls", typed_config } };
}

/** The bootstrap of one end; its listener is called `in`. */
export function mtlsBootstrap(end: MtlsEnd): BootstrapJson {
  const { role, own, upstream } = end;
  const manager = {
    "@type": `${HTTP}.HttpConnectionManager`,
    stat_prefix: "in",
    forward_client_cert_details: "SANITIZE_SET",
    set_current_client_cert_details: { uri: true },
    route_config: {
      virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "out" } }] }],
    },
    http_filters: [{ name: "envoy.filters.http.router", typed_config: { "@type": ROUTER } }],
  };
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }];
  // Connections end after a few requests, so that handshakes never cease.
  const fewRequests = protocol({
    common_http_protocol_options: { max_requests_per_connection: 10 },
    explicit_http_config: { http_protocol_options: {} },
  });
  const overHttp2 = protocol({ explicit_http_config: { http2_protocol_options: {} } });
  return {
    node: { id: own.id.slice(own.id.lastIndexOf("/") + 1), cluster: "peers" },
    static_resources: {
      listeners: [
        {
          name: "in",
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
          filter_chains: [{ filters, ...(role === "server" ? transportSocket(end) : {}) }],
        },
      ],
      clusters: [
        cluster("out", upstream, role === "client" ? { ...fewRequests, ...transportSocket(end) } : {}),
        cluster("sds", own.port, overHttp2),
      ],
    },
  };
}
