import { checkRoutes, compileRoutes, createRequest, fixedRandom, type Issue, RouterError } from "@weftmesh/router";
import type { RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

const context = { random: fixedRandom(0), now: 0 };
const forward = (cluster: string, prefix = "/") => ({ match: { prefix }, route: { cluster } });

describe("virtual hosts", () => {
  const table = compileRoutes({
    virtualHosts: [
      { name: "exact", domains: ["www.foo.com"], routes: [forward("exact")] },
      { name: "suffix", domains: ["*.foo.com"], routes: [forward("suffix")] },
      { name: "long-suffix", domains: ["*.b.foo.com"], routes: [forward("long-suffix")] },
      { name: "prefix", domains: ["www.bar.*", "www.foo.*"], routes: [forward("prefix")] },
      { name: "any", domains: ["*"], routes: [forward("any")] },
    ],
  });
  test.each([
    ["an exact domain wins", "www.foo.com", "exact"],
    ["case does not count", "WWW.FOO.com", "exact"],
    ["a suffix wildcard takes any number of labels", "a.a.foo.com", "suffix"],
    ["the longer suffix wins", "a.b.foo.com", "long-suffix"],
    ["a wildcard takes at least one character", ".foo.com", "any"],
    ["a prefix wildcard", "www.bar.org", "prefix"],
    ["a suffix beats a longer prefix", "www.foo.foo.com", "suffix"],
    ["a port is part of the host", "www.foo.com:80", "prefix"],
    ["the star takes the rest", "else", "any"],
  ])("%s", (_, authority, cluster) => {
    expect(table.route(createRequest({ authority }), context)).toMatchObject({ kind: "forward", cluster });
  });
});

test("stats() says how the routes of each host are found", () => {
  const of = (count: number, match: (i: number) => RouteMatch) =>
    Array.from({ length: count }, (_, i) => ({ match: match(i), route: { cluster: "a" } }));
  const table = compileRoutes({
    virtualHosts: [
      { name: "few", domains: ["few"], routes: of(3, () => ({ prefix: "/" })) },
      {
        name: "many",
        domains: ["*"],
        routes: [
          ...of(20, (i) => ({ path: `/exact/${i}` })),
          ...of(5, (i) => ({ path: `/Folded/${i}`, caseSensitive: false })),
          ...of(30, (i) => ({ prefix: `/prefix/${i}` })),
          ...of(7, (i) => ({ pathSeparatedPrefix: `/separated/${i}` })),
          ...of(4, (i) => ({ safeRegex: { regex: `/literal/${i}/.*` } })),
          ...of(16, (i) => ({ safeRegex: { regex: `.*/open${i}` } })),
          ...of(2, () => ({ connectMatcher: {} })),
        ],
      },
    ],
  });
  expect(table.stats()).toEqual([
    { virtualHost: "few", routes: 3, exact: 0, prefix: 0, patterns: 0, residual: 0, scanned: true },
    { virtualHost: "many", routes: 84, exact: 25, prefix: 41, patterns: 16, residual: 2, scanned: false },
  ]);
});

describe("VHDS increments", () => {
  const host = (name: string, domain: string, cluster: string) => ({
    name,
    domains: [domain],
    routes: [forward(cluster)],
  });
  const table = compileRoutes({ virtualHosts: [host("a", "a.test", "static"), host("b", "b.test", "b")] });
  const clusterOf = (routes: typeof table, authority: string) => {
    const decision = routes.route(createRequest({ authority, path: "/" }), context);
    return decision.kind === "forward" ? decision.cluster : decision.kind;
  };

  test("a host of the same name takes the static one's place; a removed one is gone; the old table stays as it was", () => {
    const next = table.withHosts({
      set: [host("a", "a.test", "vhds"), host("c", "c.test", "c")],
      remove: ["b", "unknown"],
    });
    expect(["a.test", "b.test", "c.test"].map((one) => clusterOf(next, one))).toEqual(["vhds", "no-route", "c"]);
    expect(["a.test", "b.test", "c.test"].map((one) => clusterOf(table, one))).toEqual(["static", "b", "no-route"]);
    expect(clusterOf(next.withHosts({ set: [host("b", "b.test", "again")] }), "b.test")).toBe("again");
  });

  test("every problem of the new hosts is reported by the host's name, and a domain that clashes too", () => {
    const broken = {
      name: "c",
      domains: ["A.test"],
      routes: [{ match: { safeRegex: { regex: "(" } }, route: { cluster: "c" } }],
    };
    let issues: readonly Issue[] = [];
    try {
      table.withHosts({ set: [broken] });
    } catch (error) {
      if (error instanceof RouterError) issues = error.issues;
    }
    expect(issues).toMatchObject([
      { code: "ERR_ROUTER_REGEX_SYNTAX", path: 'virtual_hosts["c"].routes[0].match.safe_regex.regex' },
      { code: "ERR_ROUTER_DOMAIN_DUPLICATE", path: 'virtual_hosts["c"].domains[0]' },
    ]);
  });
});

test.each([null, 5, { virtualHosts: 5 }, { virtualHosts: [{ routes: [null] }] }])(
  "checkRoutes refuses %j as compileRoutes does",
  (config) => {
    expect(() => checkRoutes(config as never, [])).toThrow(RouterError);
  },
);
