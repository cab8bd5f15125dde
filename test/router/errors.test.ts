import {
  compileListener,
  compileRbac,
  compileRoutes,
  formatIssue,
  type Issue,
  type RouteOptions,
  RouterError,
} from "@weftmesh/router";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

function issuesOf(compile: () => unknown): readonly Issue[] {
  try {
    compile();
  } catch (error) {
    if (error instanceof RouterError) return error.issues;
    throw error;
  }
  return [];
}

const table = (
  routes: NonNullable<NonNullable<RouteConfiguration["virtualHosts"]>[0]["routes"]>,
): RouteConfiguration => ({
  virtualHosts: [{ name: "shop", domains: ["*"], routes }],
});
const to = { cluster: "cart" };
const at = "virtual_hosts[0].routes[0]";
const template = (pathTemplate: string) => ({
  name: "template",
  typedConfig: {
    typeUrl: "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
    message: { pathTemplate },
  },
});

const cases: readonly {
  readonly name: string;
  readonly code: string;
  readonly path: string;
  readonly config: RouteConfiguration;
  readonly options?: RouteOptions;
}[] = [
  {
    name: "a route without a path specifier",
    code: "ERR_ROUTER_FIELD_INVALID",
    path: `${at}.match`,
    config: table([{ match: {}, route: to }]),
  },
  {
    name: "a path rewritten twice",
    code: "ERR_ROUTER_FIELD_CONFLICT",
    path: `${at}.route`,
    config: table([{ match: { prefix: "/" }, route: { ...to, prefixRewrite: "/a", pathRewrite: "/b" } }]),
  },
  {
    name: "a domain in two hosts",
    code: "ERR_ROUTER_DOMAIN_DUPLICATE",
    path: "virtual_hosts[1].domains[0]",
    config: {
      virtualHosts: [
        { name: "a", domains: ["shop.test"] },
        { name: "b", domains: ["SHOP.test"] },
      ],
    },
  },
  {
    name: "a look-ahead",
    code: "ERR_ROUTER_REGEX_SYNTAX",
    path: `${at}.match.safe_regex.regex`,
    config: table([{ match: { safeRegex: { regex: "(?=a)" } }, route: to }]),
  },
  {
    name: "a program larger than Envoy's limit",
    code: "ERR_ROUTER_REGEX_SIZE",
    path: `${at}.match.safe_regex.regex`,
    config: table([{ match: { safeRegex: { regex: "[\\w]{33}" } }, route: to }]),
  },
  {
    name: "a glob after a text glob",
    code: "ERR_ROUTER_TEMPLATE_INVALID",
    path: `${at}.match.path_match_policy.typed_config.path_template`,
    config: table([{ match: { pathMatchPolicy: template("/**/**") }, route: to }]),
  },
  {
    name: "an unknown command",
    code: "ERR_ROUTER_FORMAT_INVALID",
    path: `${at}.request_headers_to_add[0].header.value`,
    config: table([
      { match: { prefix: "/" }, route: to, requestHeadersToAdd: [{ header: { key: "x-a", value: "%NOPE%" } }] },
    ]),
  },
  {
    name: "a removed host",
    code: "ERR_ROUTER_HEADER_FORBIDDEN",
    path: `${at}.request_headers_to_remove[0]`,
    config: table([{ match: { prefix: "/" }, route: to, requestHeadersToRemove: ["Host"] }]),
  },
  {
    name: "a cluster nobody knows",
    code: "ERR_ROUTER_CLUSTER_UNKNOWN",
    path: `${at}.route.cluster`,
    config: { ...table([{ match: { prefix: "/" }, route: to }]), validateClusters: true },
    options: { clusters: new Set(["other"]) },
  },
  {
    name: "a path matcher nobody implements",
    code: "ERR_ROUTER_EXTENSION_UNKNOWN",
    path: `${at}.match.path_match_policy.typed_config`,
    config: table([
      {
        match: { pathMatchPolicy: { name: "x", typedConfig: { typeUrl: "type.googleapis.com/a.B", message: {} } } },
        route: to,
      },
    ]),
  },
  {
    name: "a body over the limit",
    code: "ERR_ROUTER_BODY_INVALID",
    path: `${at}.direct_response.body`,
    config: {
      ...table([{ match: { prefix: "/" }, directResponse: { status: 200, body: { inlineString: "four" } } }]),
      maxDirectResponseBodySizeBytes: 3,
    },
  },
];

describe("compileRoutes refuses", () => {
  test.each(cases)("$name with $code", ({ code, path, config, options }) => {
    expect(issuesOf(() => compileRoutes(config, options))).toMatchObject([{ code, path }]);
  });

  test("every defect at once, in the order of the configuration", () => {
    const routes = Array.from({ length: 500 }, () => ({ match: { safeRegex: { regex: "(" } }, route: to }));
    const issues = issuesOf(() => compileRoutes(table(routes)));
    expect(issues.length).toBe(500);
    expect(issues[499]?.path).toBe("virtual_hosts[0].routes[499].match.safe_regex.regex");
  });

  test("with a message that starts with the path and ends with the code", () => {
    const [issue] = issuesOf(() => compileRoutes(table([{ match: {}, route: to }])));
    expect(issue === undefined ? "" : formatIssue(issue)).toBe(
      "virtual_hosts[0].routes[0].match: expected a path specifier, got none (ERR_ROUTER_FIELD_INVALID)",
    );
  });
});

describe("compileListener refuses", () => {
  test("chains with the same criteria", () => {
    const listener = { filterChains: [{ name: "a" }, { name: "b" }] };
    expect(issuesOf(() => compileListener(listener))).toMatchObject([
      { code: "ERR_ROUTER_FILTER_CHAIN_OVERLAP", path: "filter_chains[1].filter_chain_match" },
    ]);
  });

  test("a partial wildcard", () => {
    const listener = { filterChains: [{ filterChainMatch: { serverNames: ["w*.test"] } }] };
    expect(issuesOf(() => compileListener(listener))).toMatchObject([{ code: "ERR_ROUTER_UNSUPPORTED" }]);
  });
});

describe("compileRbac refuses", () => {
  test("a range that is no address", () => {
    const policies = {
      p: { permissions: [{ any: true }], principals: [{ directRemoteIp: { addressPrefix: "ten" } }] },
    };
    expect(issuesOf(() => compileRbac({ rules: { policies } }))).toMatchObject([
      { code: "ERR_ROUTER_ADDRESS_INVALID" },
    ]);
  });
});
