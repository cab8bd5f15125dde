import { checkConsistency, parseResources, type Resource, referencesOf, referenceTable } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { findMessage } from "@weftmesh/xds-types/schema";
import { describe, expect, test } from "vitest";

const listener = `
"@type": type.googleapis.com/envoy.config.listener.v3.Listener
name: l
filter_chains:
- filters:
  - name: hcm
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: x
      rds: { route_config_name: r, config_source: { ads: {} } }
      http_filters:
      - name: ecds
        config_discovery: { config_source: { ads: {} }, type_urls: [x] }
  transport_socket:
    name: tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
      common_tls_context:
        tls_certificate_sds_secret_configs:
        - { name: cert, sds_config: { ads: {} } }
        - { name: file, sds_config: { path_config_source: { path: /x } } }
`;
const routes = `
"@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
name: r
virtual_hosts:
- name: v
  domains: ["*"]
  routes:
  - match: { prefix: /a }
    route:
      cluster: a
      request_mirror_policies: [{ cluster: m }]
  - match: { prefix: / }
    route: { weighted_clusters: { clusters: [{ name: b, weight: 1 }, { name: c, weight: 1 }] } }
`;
const clusters = `
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: a
  type: EDS
  eds_cluster_config: { eds_config: { ads: {} } }
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: agg
  cluster_type:
    name: envoy.clusters.aggregate
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig
      clusters: [a, b]
`;

function resources(text: string): readonly Resource[] {
  const { resources, issues } = parseResources(text);
  expect(issues).toEqual([]);
  return resources;
}

function names(resource: Resource | undefined): readonly string[] {
  if (resource === undefined) return [];
  return referencesOf(resource).map(({ typeUrl, name, path }) => `${path} → ${typeUrl.split(".").at(-1)} ${name}`);
}

describe("references", () => {
  test("every row of the table is a field of the schema", () => {
    for (const { message, field } of referenceTable) {
      expect(
        findMessage(message)?.fields.some(({ name }) => name === field),
        `${message}.${field}`,
      ).toBe(true);
    }
  });

  test("of a listener: what the same server serves", () => {
    expect(names(resources(listener)[0])).toEqual([
      "filter_chains[0].filters[0].typed_config.rds.route_config_name → RouteConfiguration r",
      "filter_chains[0].filters[0].typed_config.http_filters[0].name → TypedExtensionConfig ecds",
      "filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name → Secret cert",
    ]);
  });

  test("of routes: clusters, weighted ones, mirrors", () => {
    const found = names(resources(routes)[0]).map((each) => each.replace(/^virtual_hosts\[0\]\.routes/, ""));
    expect(found).toEqual([
      "[0].route.cluster → Cluster a",
      "[0].route.request_mirror_policies[0].cluster → Cluster m",
      "[1].route.weighted_clusters.clusters[0].name → Cluster b",
      "[1].route.weighted_clusters.clusters[1].name → Cluster c",
    ]);
  });

  test("of clusters: endpoints by service name or own name, and the parts of an aggregate", () => {
    const [eds, aggregate] = resources(clusters);
    expect(names(eds)).toEqual(["name → ClusterLoadAssignment a"]);
    expect(names(aggregate)).toEqual([
      "cluster_type.typed_config.clusters[0] → Cluster a",
      "cluster_type.typed_config.clusters[1] → Cluster b",
    ]);
    const message = Cluster.fromJson({
      name: "x",
      type: "EDS",
      eds_cluster_config: { service_name: "s", eds_config: { ads: {} } },
    });
    expect(referencesOf({ typeUrl: Cluster.typeUrl, message })).toMatchObject([
      { name: "s", path: "eds_cluster_config.service_name" },
    ]);
  });
});

test("a set tells what dangles, what is unused and what is there twice", () => {
  const secret = '"@type": x/envoy.extensions.transport_sockets.tls.v3.Secret\nname: idle\n';
  const all = resources([listener, routes, clusters, secret, routes].join("---\n"));
  const found = checkConsistency(all).map(({ code, resource, message }) => [code, resource.name, message]);
  const other = (code: string): readonly unknown[] => found.filter(([each]) => each === code).map(([, name]) => name);
  expect(other("ERR_XDS_TYPES_DANGLING")).toEqual(["l", "l", "r", "r", "r", "a", "agg", "r", "r", "r"]);
  expect(found[0]?.[2]).toBe('refers to envoy.config.core.v3.TypedExtensionConfig "ecds", which is not in the set');
  expect(other("ERR_XDS_TYPES_UNUSED")).toEqual(["idle"]);
  expect(other("ERR_XDS_TYPES_DUPLICATE_RESOURCE")).toEqual(["r"]);
});

describe("severity", () => {
  const broken = Cluster.fromJson({ name: "", connect_timeout: "0s" });
  const field = "envoy.config.cluster.v3.Cluster.connect_timeout";

  test.each([
    {
      name: "by field",
      severity: { [field]: "warning" as const },
      expected: ["error name", "warning connect_timeout"],
    },
    { name: "by code", severity: { ERR_XDS_TYPES_RULE: "off" as const }, expected: [] },
    {
      name: "by field before code",
      severity: { ERR_XDS_TYPES_RULE: "off" as const, [field]: "error" as const },
      expected: ["error connect_timeout"],
    },
  ])("$name", ({ severity, expected }) => {
    const found = Cluster.check(broken, { severity }).map((issue) => `${issue.severity ?? "error"} ${issue.path}`);
    expect(found).toEqual(expected);
  });

  test("a warning lets the resource through, as a required oneof may be", () => {
    const text =
      "'@type': x/envoy.config.route.v3.RouteConfiguration\nvirtual_hosts: [{ name: v, domains: [a], routes: [{ match: {}, route: { cluster: c } }] }]";
    const severity = { "envoy.config.route.v3.RouteMatch.path_specifier": "warning" } as const;
    expect(parseResources(text).resources).toEqual([]);
    expect(parseResources(text, { severity })).toMatchObject({
      resources: [{}],
      issues: [{ severity: "warning", path: "virtual_hosts[0].routes[0].match" }],
    });
  });
});
