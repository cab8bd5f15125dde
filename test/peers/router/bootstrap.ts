/** What Envoy is started with, besides the tables. */
import type { Table } from "./rig.js";

/** A message as ProtoJSON. */
export type Json = Readonly<Record<string, unknown>>;

const TYPE = "type.googleapis.com/envoy";
const FILTERS = `${TYPE}.extensions.filters`;

/** Clusters that exist; the tables also name some that do not. */
export const clusterNames: readonly string[] = ["c0", "c1", "c2", "c3", "c4", "canary"];

/** Runtime values in force. */
export const runtime: Json = {
  "rt.on": 100,
  "rt.off": 0,
  "rt.big": 250,
  "rt.fraction": { numerator: 10_000, denominator: "TEN_THOUSAND" },
  "rt.text": "yes",
  "rt.digits": "100",
};

/** All clusters are the one upstream. */
export function clusters(port: number): readonly Json[] {
  return clusterNames.map((name) => ({
    name,
    type: "STATIC",
    load_assignment: {
      cluster_name: name,
      endpoints: [
        {
          lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } }],
        },
      ],
    },
  }));
}

/** Filters that may stand in front of the router; routes configure them by these names. */
const filters: Readonly<Record<string, Json>> = {
  cors: { "@type": `${FILTERS}.http.cors.v3.Cors` },
  fault: { "@type": `${FILTERS}.http.fault.v3.HTTPFault` },
  rbac: { "@type": `${FILTERS}.http.rbac.v3.RBAC` },
  limit: { "@type": `${FILTERS}.http.local_ratelimit.v3.LocalRateLimit`, stat_prefix: "limit" },
};

const logFormat: Json = {
  case: "%REQ(x-case)%",
  route: "%ROUTE_NAME%",
  virtual_cluster: "%VIRTUAL_CLUSTER_NAME%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
};

/** The listener of a table. */
export function listenerOf({ name, routeConfig, hcm, filters: wanted }: Table, log: string): Json {
  const manager = {
    "@type": `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    generate_request_id: false,
    upgrade_configs: [{ upgrade_type: "CONNECT" }],
    access_log: [
      {
        name: "file",
        typed_config: {
          "@type": `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
          path: log,
          log_format: { json_format: logFormat, omit_empty_values: true },
        },
      },
    ],
    route_config: routeConfig,
    http_filters: [
      ...["cors", ...wanted].map((filter) => ({ name: filter, typed_config: filters[filter] })),
      { name: "router", typed_config: { "@type": `${FILTERS}.http.router.v3.Router` } },
    ],
    ...hcm,
  };
  return {
    "@type": `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
  };
}
