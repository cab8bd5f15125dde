/** The example sidecar with the least configuration: one plain listener, one route, one host. */
import { createServer } from "node:net";
import { noIdentity } from "@weftmesh/cert";
import type { ConfigSet } from "@weftmesh/xds";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { runSidecar } from "weftmesh-example-sidecar";

const port = await freePort();
const listener = Listener.fromJson({
  name: "outbound",
  address: { socketAddress: { address: "127.0.0.1", portValue: port } },
  filterChains: [
    {
      filters: [
        {
          name: "http",
          typedConfig: {
            "@type":
              "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            statPrefix: "outbound",
            routeConfig: {
              name: "outbound",
              virtualHosts: [
                {
                  name: "reviews",
                  domains: ["reviews"],
                  routes: [{ match: { prefix: "/" }, route: { cluster: "reviews" } }],
                },
              ],
            },
            httpFilters: [
              {
                name: "router",
                typedConfig: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
              },
            ],
          },
        },
      ],
    },
  ],
});
const cluster = Cluster.fromJson({
  name: "reviews",
  type: "STATIC",
  connectTimeout: "1s",
  loadAssignment: {
    clusterName: "reviews",
    endpoints: [
      {
        lbEndpoints: [
          {
            endpoint: {
              address: { socketAddress: { address: "127.0.0.1", portValue: Number(process.argv[2]) } },
            },
          },
        ],
      },
    ],
  },
});
const endpoints = cluster.loadAssignment;

async function* configs(): AsyncGenerator<ConfigSet> {
  yield {
    generation: 1,
    listeners: new Map([["outbound", { name: "outbound", listener, routes: new Map(), secrets: new Map() }]]),
    clusters: new Map([
      ["reviews", { name: "reviews", cluster, secrets: new Map(), ...(endpoints === undefined ? {} : { endpoints }) }],
    ]),
    changes: [],
  };
}

process.once("disconnect", () => process.exit(0));
await runSidecar(configs(), { identity: noIdentity, onConfig: () => process.send?.({ port }) });

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
