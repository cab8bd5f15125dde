import { describe, expect, test } from "vitest";
import { checkReferences } from "../../packages/xds/src/consistency.js";
import { referencesOf } from "../../packages/xds/src/references.js";
import { T } from "./opaque.js";

const none = () => undefined;

function shown(typeUrl: string, message: unknown, open: (any: { readonly value: Uint8Array }) => unknown = none) {
  return referencesOf(typeUrl, message, open).map(({ name, path }) => `${name} @ ${path}`);
}

describe("references", () => {
  test.each([
    { name: "EDS by the cluster's name", cluster: { name: "a", type: "EDS" }, expected: ["a @ name"] },
    {
      name: "EDS by service_name",
      cluster: { name: "a", type: "EDS", edsClusterConfig: { serviceName: "s" } },
      expected: ["s @ eds_cluster_config.service_name"],
    },
    { name: "no EDS for a static cluster", cluster: { name: "a", type: "STATIC" }, expected: [] },
    {
      name: "no EDS of ours when a file answers",
      cluster: { name: "a", type: "EDS", edsClusterConfig: { edsConfig: { pathConfigSource: { path: "/x" } } } },
      expected: [],
    },
  ])("cluster: $name", ({ cluster, expected }) => {
    expect(shown(T.CDS, cluster)).toEqual(expected);
  });

  test("a listener's routes, secrets and clusters are found inside Any, opened where needed", () => {
    const tls = { commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: "cert", sdsConfig: { ads: {} } }] } };
    const listener = {
      filterChains: [
        {
          filters: [
            { typedConfig: { typeUrl: "hcm", message: { rds: { routeConfigName: "r" } } } },
            { typedConfig: { typeUrl: "tcp", message: { cluster: "c" } } },
          ],
          transportSocket: { typedConfig: { typeUrl: "tls", value: new Uint8Array([1]) } },
        },
      ],
    };
    expect(shown(T.LDS, listener, ({ value }) => (value[0] === 1 ? tls : undefined))).toEqual([
      "r @ filter_chains[0].filters[0].typed_config.rds.route_config_name",
      "c @ filter_chains[0].filters[1].typed_config.cluster",
      "cert @ filter_chains[0].transport_socket.typed_config.common_tls_context.tls_certificate_sds_secret_configs[0].name",
    ]);
  });

  test("a route's clusters: single, weighted, mirrored", () => {
    const routes = [
      { route: { cluster: "a", requestMirrorPolicies: [{ cluster: "m" }] } },
      { route: { weightedClusters: { clusters: [{ name: "b" }, { name: "c" }] } } },
    ];
    expect(shown(T.RDS, { virtualHosts: [{ routes }] })).toEqual([
      "a @ virtual_hosts[0].routes[0].route.cluster",
      "m @ virtual_hosts[0].routes[0].route.request_mirror_policies[0].cluster",
      "b @ virtual_hosts[0].routes[1].route.weighted_clusters.clusters[0].name",
      "c @ virtual_hosts[0].routes[1].route.weighted_clusters.clusters[1].name",
    ]);
  });

  test("data that refers to itself ends the walk", () => {
    const loop: Record<string, unknown> = {};
    loop["again"] = loop;
    expect(shown(T.LDS, loop)).toEqual([]);
  });
});

describe("O6: consistency", () => {
  const resource = (typeUrl: string, name: string, ...references: readonly (readonly [string, string])[]) => ({
    typeUrl,
    name,
    references: references.map(([target, targetName]) => ({ typeUrl: target, name: targetName, path: "x.y" })),
  });

  test("every dangling reference is reported with its path, and every resource nobody can ask for", () => {
    const findings = checkReferences([
      resource(T.LDS, "l", [T.RDS, "r"], [T.RDS, "none"]),
      resource(T.RDS, "r", [T.CDS, "gone"]),
      resource(T.EDS, "stray"),
    ]);
    expect(findings).toMatchObject([
      { code: "ERR_XDS_DANGLING_REFERENCE", resource: "l", path: "x.y", message: expect.stringContaining('"none"') },
      { code: "ERR_XDS_DANGLING_REFERENCE", resource: "r", typeUrl: T.RDS },
      { code: "ERR_XDS_UNREFERENCED", severity: "warning", resource: "stray" },
    ]);
  });

  test("a complete set has no findings", () => {
    const findings = checkReferences([
      resource(T.LDS, "l", [T.RDS, "r"]),
      resource(T.RDS, "r", [T.CDS, "c"]),
      resource(T.CDS, "c", [T.EDS, "c"]),
      resource(T.EDS, "c"),
    ]);
    expect(findings).toEqual([]);
  });
});
