import { compileRoutes, createRequest, fixedRandom } from "@weftmesh/router";
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
