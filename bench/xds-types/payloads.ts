/** The two messages that the benchmarks of xds-types measure, as people write them. */

/** A `ClusterLoadAssignment` of 1,000 endpoints in 4 localities, with weights and metadata: about 110 KB. */
export function assignment(): unknown {
  return {
    cluster_name: "outbound|80||shop.default.svc.cluster.local",
    endpoints: Array.from({ length: 4 }, (_, zone) => ({
      locality: { region: "eu-west-1", zone: `eu-west-1${"abcd"[zone]}` },
      load_balancing_weight: zone + 1,
      lb_endpoints: Array.from({ length: 250 }, (_, index) => ({
        endpoint: {
          address: { socket_address: { address: `10.${zone}.${index >> 7}.${index & 127}`, port_value: 8080 } },
        },
        health_status: "HEALTHY",
        load_balancing_weight: 1 + (index % 10),
        metadata: { filter_metadata: { "envoy.lb": { version: `v${index % 3}`, canary: index % 9 === 0 } } },
      })),
    })),
  };
}

/** A `RouteConfiguration` of 1,000 routes in 20 virtual hosts: prefixes, patterns, headers, weights, retries. */
export function routes(): unknown {
  return {
    name: "routes",
    virtual_hosts: Array.from({ length: 20 }, (_, host) => ({
      name: `host-${host}`,
      domains: [`host-${host}.example.com`, `host-${host}.example.com:80`],
      routes: Array.from({ length: 50 }, (_, index) => route(host, index)),
    })),
  };
}

function route(host: number, index: number): unknown {
  const path = `/api/v${index % 4}/resource-${index}`;
  return {
    name: `route-${host}-${index}`,
    match: {
      ...(index % 5 === 0 ? { safe_regex: { regex: `${path}/[0-9]+` } } : { prefix: path }),
      headers: [{ name: "x-tenant", string_match: { exact: `tenant-${index % 7}` } }],
    },
    metadata: { filter_metadata: { istio: { config: `/apis/networking/v1/namespaces/default/vs-${index}` } } },
    route: {
      weighted_clusters: {
        clusters: [
          { name: `cluster-${index}-v1`, weight: 90 },
          { name: `cluster-${index}-v2`, weight: 10 },
        ],
      },
      timeout: "15s",
      retry_policy: {
        retry_on: "5xx,connect-failure",
        num_retries: 3,
        per_try_timeout: "2s",
        retry_host_predicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
      },
    },
    response_headers_to_add: [{ header: { key: "x-route", value: `route-${index}` } }],
  };
}
