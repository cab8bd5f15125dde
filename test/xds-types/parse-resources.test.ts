import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parseResources } from "@weftmesh/xds-types";
import { describe, expect, test } from "vitest";

const routes = "envoy.config.route.v3.RouteConfiguration";

const two = `
"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
name: one
connectTimeout: 1s
---
"@type": type.googleapis.com/${routes}
name: two
virtual_hosts:
  - name: v
    domains: ["*"]
    routes:
      - match: { prefix: / }
        route: { cluster: one, timeout: 2s }
`;

describe("parseResources", () => {
  test("reads several documents and finds places in either spelling", () => {
    const { resources, issues, locate } = parseResources(two, { file: "mesh.yaml" });
    expect(issues).toEqual([]);
    expect(resources.map(({ name, typeUrl }) => [name, typeUrl.split(".").at(-1)])).toEqual([
      ["one", "Cluster"],
      ["two", "RouteConfiguration"],
    ]);
    const [cluster, table] = resources;
    if (cluster === undefined || table === undefined) throw new Error("both were read");
    expect(locate(cluster, "connect_timeout")).toEqual({ file: "mesh.yaml", line: 4, column: 1 });
    expect(locate(table, "virtual_hosts[0].routes[0].route.timeout")).toEqual({
      file: "mesh.yaml",
      line: 13,
      column: 32,
    });
    expect(locate(table, "virtual_hosts[0].routes[0].route.retry_policy")).toMatchObject({ line: 13 });
  });

  test.each([
    {
      name: "a discovery response",
      text: `{"version_info":"1","resources":[{"@type":"type.googleapis.com/${routes}","name":"a"}]}`,
      names: ["a"],
    },
    {
      name: "a discovery response with a common type",
      text: `{"typeUrl":"type.googleapis.com/${routes}","resources":[{"name":"a"},{"name":"b"}]}`,
      names: ["a", "b"],
    },
    {
      name: "a bootstrap",
      text: "static_resources:\n  clusters: [{ name: c }]\n  listeners: [{ name: l }]\n",
      names: ["l", "c"],
    },
    { name: "a list", text: `- "@type": type.googleapis.com/${routes}\n  name: a\n`, names: ["a"] },
    {
      name: "a configuration dump",
      text: `{"configs":[{"dynamic_route_configs":[{"route_config":{"@type":"type.googleapis.com/${routes}","name":"a"}}]}]}`,
      names: ["a"],
    },
    {
      name: "an assignment by its cluster's name",
      text: '"@type": x/envoy.config.endpoint.v3.ClusterLoadAssignment\ncluster_name: c\n',
      names: ["c"],
    },
  ])("reads $name", ({ text, names }) => {
    const { resources, issues } = parseResources(text);
    expect(issues).toEqual([]);
    expect(resources.map((resource) => resource.name)).toEqual(names);
  });

  test("anchors and merge keys are followed, and positions with them", () => {
    const text = "base: &base { domains: ['*'] }\nvirtual_hosts:\n- <<: *base\n  name: v\n";
    const { resources, issues, locate } = parseResources(text, { type: routes, unknownFields: "ignore" });
    expect(issues).toEqual([]);
    expect(resources[0]?.message).toEqual({ virtualHosts: [{ name: "v", domains: ["*"] }] });
    expect(resources[0] && locate(resources[0], "virtual_hosts[0].domains[0]")).toMatchObject({ line: 1, column: 25 });
  });

  test.each([
    { name: "a syntax error", text: "name: [", code: "ERR_XDS_TYPES_SYNTAX", line: 1 },
    { name: "a duplicate key", text: "name: a\nname: b\n", code: "ERR_XDS_TYPES_SYNTAX", line: 2 },
    { name: "an alias without an anchor", text: "name: *x\n", code: "ERR_XDS_TYPES_SYNTAX", line: 1 },
    {
      name: "an alias inside its own anchor",
      text: "virtual_hosts: &a [*a, *a]\n",
      code: "ERR_XDS_TYPES_SYNTAX",
      line: 1,
    },
    { name: "an unknown field", text: "name: a\nvirtual_host: []\n", code: "ERR_XDS_TYPES_UNKNOWN_FIELD", line: 2 },
    {
      name: "a value of the wrong type",
      text: "virtual_hosts:\n- name: v\n  domains: ['*']\n  require_tls: SOMETIMES\n",
      code: "ERR_XDS_TYPES_JSON",
      line: 4,
    },
    { name: "a broken rule", text: "virtual_hosts:\n- name: v\n  domains: []\n", code: "ERR_XDS_TYPES_RULE", line: 3 },
    {
      name: "a missing oneof",
      text: "virtual_hosts:\n- name: v\n  domains: ['*']\n  routes:\n  - match: { prefix: / }\n",
      code: "ERR_XDS_TYPES_REQUIRED",
      line: 5,
    },
    {
      name: "on for a boolean, which YAML 1.2 reads as a string",
      text: "validate_clusters: on\n",
      code: "ERR_XDS_TYPES_JSON",
      line: 1,
    },
  ])("gives $name its place", ({ text, code, line }) => {
    const { resources, issues } = parseResources(text, { file: "r.yaml", type: routes });
    expect(resources).toEqual([]);
    expect(issues[0]).toMatchObject({ code, file: "r.yaml", line });
  });

  test("a bootstrap is checked outside its resources too, and each problem is told once", () => {
    const text =
      "static_resources:\n  clusters: [{ name: '' }]\n  secrets: { nam: s }\nstats_flush_interval: 0s\nnod: {}\n";
    const { issues } = parseResources(text);
    expect(issues.map(({ path, line }) => [path, line])).toEqual([
      ["nod", 5],
      ["static_resources.clusters[0].name", 2],
      ["static_resources.secrets.nam", 3],
    ]);
    expect(parseResources("static_resources: {}\nstats_flush_interval: 0s\n").issues).toMatchObject([
      { code: "ERR_XDS_TYPES_RULE", path: "stats_flush_interval", line: 2 },
    ]);
  });

  test("an alias bomb is refused", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 9; level++)
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(", ")}]`,
      );
    expect(parseResources(lines.join("\n"), { type: routes }).issues[0]).toMatchObject({
      code: "ERR_XDS_TYPES_SYNTAX",
    });
  });

  test.each(["[", "{a: "])("100,000 levels of %s are one problem", (open) => {
    const issues = parseResources(open.repeat(100_000), { type: routes }).issues;
    expect(issues).toMatchObject([{ code: "ERR_XDS_TYPES_LIMIT" }]);
  });

  test("a text beyond the limit is refused unread", () => {
    expect(parseResources("x".repeat(11), { maxLength: 10 }).issues).toMatchObject([{ code: "ERR_XDS_TYPES_LIMIT" }]);
  });

  test("a text without a type is said to be so", () => {
    expect(parseResources("name: a").issues).toMatchObject([{ code: "ERR_XDS_TYPES_RESOURCE" }]);
    expect(parseResources("").issues).toMatchObject([{ code: "ERR_XDS_TYPES_RESOURCE" }]);
  });
});

const corpus = new URL("../../../shared/conformance/router_check/", import.meta.url);

describe.skipIf(!existsSync(corpus))("tables that Envoy loads (skipped where ../shared is absent)", () => {
  const files = ["config", "config_impl"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, corpus))
      .filter((file) => file.endsWith(".yaml"))
      .map((file) => `${folder}/${file}`),
  );
  test.each(files)("%s is in order", (file) => {
    const { resources, issues } = parseResources(readFileSync(new URL(file, corpus), "utf8"), { file, type: routes });
    expect(issues.filter((issue) => issue.severity !== "warning")).toEqual([]);
    expect(resources).toHaveLength(1);
  });
});
