/** Configuration that never went through a check: whatever is handed over, the answer is a table or the package's error. */
import {
  bucketRule,
  compileConnectionManager,
  compileFault,
  compileListener,
  compileRbac,
  compileRoutes,
  compileScopes,
  type Decision,
  type Issue,
  RouterError,
} from "@weftmesh/router";
import { parseResources } from "@weftmesh/xds-types";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fullRequests, fullTable } from "./full-table.js";
import { cyclic, isOfAnotherType, kindOf, places, replaced, sparse, valueAt, wrong } from "./mutate.js";

function issuesOf(compile: () => unknown): readonly Issue[] {
  try {
    compile();
  } catch (error) {
    if (error instanceof RouterError) return error.issues;
    throw error;
  }
  return [];
}

const unchecked = (config: unknown) => issuesOf(() => compileRoutes(config as RouteConfiguration));

const compilers: Readonly<Record<string, (config: never) => unknown>> = {
  compileRoutes,
  compileListener,
  compileRbac,
  compileFault,
  compileConnectionManager,
  bucketRule,
  compileScopes: (config) => compileScopes(config, config),
  withHosts: (config) => compileRoutes({}).withHosts({ set: [config] }),
};

describe("what is no message at all", () => {
  const values = [null, 5, "x", true, [], () => 1, new Map(), 7n, new (class {})(), { virtual_hosts: [] }, { x: 1 }];
  test.each(Object.entries(compilers))("%s refuses it with a code and a path", (_, compile) => {
    for (const value of values) expect(issuesOf(() => compile(value as never))).not.toEqual([]);
  });
});

const host = (fields: object) => ({ virtualHosts: [{ name: "a", domains: ["*"], ...fields }] });
const route = (fields: object) => host({ routes: [{ match: { prefix: "/" }, route: { cluster: "a" }, ...fields }] });
const at = "virtual_hosts[0].routes[0]";
const getter = Object.defineProperty({}, "path", { enumerable: true, get: () => "/" });

describe("wrong types, each at its path", () => {
  test.each<[string, string, string, unknown]>([
    ["a number for a list", "ERR_ROUTER_FIELD_INVALID", "virtual_hosts", { virtualHosts: 5 }],
    ["an object for a list", "ERR_ROUTER_FIELD_INVALID", "virtual_hosts", { virtualHosts: {} }],
    ["null in a list", "ERR_ROUTER_FIELD_INVALID", "virtual_hosts[0]", { virtualHosts: [null] }],
    ["text for a list", "ERR_ROUTER_FIELD_INVALID", "virtual_hosts[0].routes", host({ routes: "x" })],
    ["a hole in a list", "ERR_ROUTER_FIELD_INVALID", "virtual_hosts[0].domains", host({ domains: sparse })],
    ["a list for a message", "ERR_ROUTER_FIELD_INVALID", `${at}.route`, route({ route: [] })],
    ["a number for text", "ERR_ROUTER_FIELD_INVALID", `${at}.match.prefix`, route({ match: { prefix: 5 } })],
    ["a getter", "ERR_ROUTER_FIELD_INVALID", `${at}.match.path`, route({ match: getter })],
    [
      "a number for a bigint",
      "ERR_ROUTER_FIELD_INVALID",
      `${at}.route.timeout.seconds`,
      route({ route: { cluster: "a", timeout: { seconds: 5 } } }),
    ],
    [
      "half a number for an integer",
      "ERR_ROUTER_FIELD_INVALID",
      `${at}.redirect.port_redirect`,
      { ...route({}), ...host({ routes: [{ match: { prefix: "/" }, redirect: { portRedirect: 1.5 } }] }) },
    ],
    [
      "a name that is none of the enum's",
      "ERR_ROUTER_FIELD_INVALID",
      "virtual_hosts[0].require_tls",
      host({ requireTls: "ALLL" }),
    ],
    [
      "a field in snake_case",
      "ERR_ROUTER_FIELD_UNKNOWN",
      `${at}.match.case_sensitive`,
      route({ match: { prefix: "/", case_sensitive: true } }),
    ],
    ["two of a oneof", "ERR_ROUTER_FIELD_CONFLICT", `${at}.match`, route({ match: { prefix: "/", path: "/" } })],
    [
      "a __proto__ key",
      "ERR_ROUTER_FIELD_UNKNOWN",
      `${at}.__proto__`,
      route(JSON.parse('{"__proto__": {"name": "x"}}') as object),
    ],
    [
      "a function in metadata",
      "ERR_ROUTER_FIELD_INVALID",
      `${at}.metadata.filter_metadata["a"]["b"]`,
      route({ metadata: { filterMetadata: { a: { b: () => 1 } } } }),
    ],
    [
      "a message of a wrong type in an Any",
      "ERR_ROUTER_FIELD_INVALID",
      `${at}.typed_per_filter_config["f"].disabled`,
      route({
        typedPerFilterConfig: { f: { typeUrl: "t/envoy.config.route.v3.FilterConfig", message: { disabled: 1 } } },
      }),
    ],
  ])("%s", (_, code, path, config) => {
    expect(unchecked(config)).toMatchObject([{ code, path }]);
  });

  test("cycles and bottomless nesting", () => {
    const rules = { policies: { p: { permissions: [cyclic], principals: [{ any: true }] } } };
    expect(issuesOf(() => compileRbac({ rules } as never))[0]?.message).toContain("a cycle");
    let deep: object = { any: true };
    for (let i = 0; i < 5_000; i++) deep = { notRule: deep };
    const policy = { permissions: [deep], principals: [{ any: true }] };
    expect(issuesOf(() => compileRbac({ rules: { policies: { p: policy } } } as never))).toHaveLength(1);
  });

  test("what follows from a wrong type is not reported again, everything else is", () => {
    const routes = [
      { match: 5, route: { cluster: "a" } },
      { match: { safeRegex: { regex: "(" } }, route: { cluster: "a" } },
    ];
    expect(unchecked(host({ routes })).map(({ code, path }) => `${path} ${code}`)).toEqual([
      `${at}.match ERR_ROUTER_FIELD_INVALID`,
      "virtual_hosts[0].routes[1].match.safe_regex.regex ERR_ROUTER_REGEX_SYNTAX",
    ]);
  });

  test("a revoked proxy, and one that throws at any touch", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(unchecked(proxy)).toHaveLength(1);
    expect(
      unchecked(
        host({
          routes: new Proxy([], {
            get: () => {
              throw new Error("no");
            },
          }),
        }),
      ),
    ).toHaveLength(1);
  });
});

describe("500 defects", () => {
  const kinds: readonly (readonly [text: string, code: string, path: string])[] = [
    [
      "match: { safe_regex: { regex: '(' } }, route: { cluster: a }",
      "ERR_ROUTER_REGEX_SYNTAX",
      "match.safe_regex.regex",
    ],
    ["match: { prefix: / }, route: { cluster: gone }", "ERR_ROUTER_CLUSTER_UNKNOWN", "route.cluster"],
    [
      "match: { prefix: / }, route: { cluster: a, path_rewrite: '%NO_SUCH%' }",
      "ERR_ROUTER_FORMAT_INVALID",
      "route.path_rewrite",
    ],
    [
      "match: { prefix: / }, route: { cluster: a }, request_headers_to_remove: [host]",
      "ERR_ROUTER_HEADER_FORBIDDEN",
      "request_headers_to_remove[0]",
    ],
    [
      "match: { prefix: / }, route: { cluster: a, prefix_rewrite: /a, regex_rewrite: { pattern: { regex: a } } }",
      "ERR_ROUTER_FIELD_CONFLICT",
      "route",
    ],
  ];
  const text = `name: t\nvirtual_hosts:\n- name: a\n  domains: ['*']\n  routes:\n${Array.from({ length: 500 }, (_, i) => `  - { ${kinds[i % kinds.length]?.[0]} }`).join("\n")}\n`;

  test("all are reported with code, path, and the line of the YAML", () => {
    const { resources, issues, locate } = parseResources(text, {
      type: "envoy.config.route.v3.RouteConfiguration",
      file: "t.yaml",
    });
    expect(issues.filter(({ severity }) => severity !== "warning")).toEqual([]);
    const [resource] = resources;
    const found = issuesOf(() =>
      compileRoutes(resource?.message as RouteConfiguration, { clusters: new Set(["a"]), validateClusters: true }),
    );
    expect(found).toHaveLength(500);
    found.forEach((issue, i) => {
      const [, code, path] = kinds[i % kinds.length] ?? [];
      expect(issue).toMatchObject({ code, path: `virtual_hosts[0].routes[${i}].${path}` });
      expect(resource && locate(resource, issue.path)?.line).toBe(6 + i);
    });
  });

  test("wrong types, too", () => {
    const routes = Array.from({ length: 500 }, (_, i) => ({ match: { prefix: i }, route: { cluster: "a" } }));
    const found = unchecked(host({ routes }));
    expect(found.map(({ path }) => path)).toEqual(routes.map((_, i) => `virtual_hosts[0].routes[${i}].match.prefix`));
  });
});

/** Reads every part of a decision: what is not asked for is not worked out. */
function readAll(decision: Decision): void {
  if (decision.kind !== "forward") {
    decision.reply();
    if (decision.kind === "redirect") expect(decision.location).toBeTypeOf("string");
    return;
  }
  JSON.stringify([decision.route, decision.virtualHost, decision.timeouts, decision.priority, decision.metadataMatch]);
  decision.request();
  decision.response(200, ["server", "x"]);
  decision.retry({ kind: "response", status: 503, headers: ["retry-after", "1"] }, 1, 0);
  decision.retry({ kind: "reset", reason: "connect-failure" }, 2, 0);
  decision.mirrors();
  decision.hash();
  decision.virtualCluster();
  decision.rateLimits();
  decision.cors();
  decision.filterConfig("cors");
  decision.upgrade("websocket");
  decision.internalRedirect(302, ["location", "http://shop.test/cart"], 0);
}

describe("a table with one random place replaced", () => {
  const ways = places(fullTable);
  const context = { random: () => 0, now: 1_700_000_000_000 };

  test("gives a table that never throws, or the package's error; and never a table for a value of another type", () => {
    const cases = Number(process.env["ROUTER_FUZZ_CASES"] ?? 2000);
    const arbitrary = fc.tuple(fc.constantFrom(...ways), fc.constantFrom(...wrong));
    let refused = 0;
    fc.assert(
      fc.property(arbitrary, ([way, value]) => {
        const config = replaced(fullTable, way, value) as RouteConfiguration;
        const before = valueAt(fullTable, way);
        const mustRefuse = isOfAnotherType(before, value);
        let table: ReturnType<typeof compileRoutes>;
        try {
          table = compileRoutes(config);
        } catch (error) {
          if (!(error instanceof RouterError)) throw error;
          refused++;
          return;
        }
        expect(mustRefuse, `${way.join(".")} = ${kindOf(value)} was accepted`).toBe(false);
        for (const request of fullRequests) readAll(table.route(request, context));
      }),
      { numRuns: cases, seed: 5 },
    );
    expect(refused).toBeGreaterThan(cases / 2);
  }, 600_000);

  test("as it is, it compiles, and every route is reached", () => {
    const table = compileRoutes(fullTable);
    const reached = fullRequests.map((request) => {
      const decision = table.route(request, context);
      readAll(decision);
      const status = decision.kind === "direct-response" ? `${decision.status}` : "";
      return decision.kind === "forward"
        ? decision.cluster
        : decision.kind === "no-route"
          ? decision.reason
          : `${decision.kind} ${status}`.trim();
    });
    expect(reached).toEqual([
      "cart-v1",
      "t",
      "grpc",
      "redirect",
      "direct-response 200",
      "redirect",
      "proxy",
      "rest",
      "a",
      "direct-response 204",
      "no-match",
    ]);
  });
});
