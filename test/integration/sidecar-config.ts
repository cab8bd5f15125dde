/** Configuration for the example sidecar, as a control plane would send it. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";

export const TYPE = "type.googleapis.com/envoy";

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export function cluster(name: string, ports: readonly number[], peer?: string): Cluster {
  const provider = { instance_name: "spiffe" };
  const names = [{ san_type: "URI", matcher: { exact: peer } }];
  const context = {
    "@type": `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
    common_tls_context: {
      tls_certificate_provider_instance: provider,
      validation_context: { ca_certificate_provider_instance: provider, match_typed_subject_alt_names: names },
    },
  };
  return Cluster.fromJson({
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: ports.map((port) => ({
            endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
          })),
        },
      ],
    },
    ...(peer === undefined ? {} : { transport_socket: { name: "tls", typed_config: context } }),
  });
}

export function listener(
  name: string,
  port: number,
  filter: Readonly<Record<string, unknown>>,
  secure: boolean,
): Listener {
  const provider = { instance_name: "spiffe" };
  const context = {
    "@type": `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_provider_instance: provider,
      validation_context: { ca_certificate_provider_instance: provider },
    },
  };
  return Listener.fromJson({
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        filters: [{ name, typed_config: filter }],
        ...(secure ? { transport_socket: { name: "tls", typed_config: context } } : {}),
      },
    ],
  });
}

export function http(routes: readonly unknown[]): Readonly<Record<string, unknown>> {
  const router = { "@type": `${TYPE}.extensions.filters.http.router.v3.Router` };
  return {
    "@type": `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "http",
    http_filters: [{ name: "router", typed_config: router }],
    route_config: { name: "routes", virtual_hosts: [{ name: "all", domains: ["reviews"], routes }] },
  };
}

export function tcp(name: string): Readonly<Record<string, unknown>> {
  return { "@type": `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`, stat_prefix: "tcp", cluster: name };
}
