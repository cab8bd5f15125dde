/** What other implementations get wrong (specification of the router, section 7): each is a rule here. */
import {
  compileRbac,
  compileRoutes,
  createRequest,
  type Forward,
  fixedRandom,
  type Random,
  type RequestInit,
} from "@weftmesh/router";
import type { RouteAction, RouteMatch, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import { describe, expect, test } from "vitest";

function matches(match: RouteMatch, init: RequestInit): boolean {
  const table = compileRoutes({
    virtualHosts: [{ name: "v", domains: ["*"], routes: [{ match, route: { cluster: "c" } }] }],
  });
  return table.route(createRequest({ authority: "h", ...init }), { random: fixedRandom(0), now: 0 }).kind === "forward";
}

function hostOf(hosts: VirtualHost[], authority: string): string | undefined {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "c" } }];
  const table = compileRoutes({ virtualHosts: hosts.map((host) => ({ ...host, routes })) });
  return table.route(createRequest({ authority }), { random: fixedRandom(0), now: 0 }).virtualHost?.name;
}

describe("where grpc-js-xds 1.14.1 goes wrong", () => {
  test("an alternation is anchored at both ends", () => {
    expect(matches({ safeRegex: { regex: "/a|/b" } }, { path: "/aXXXX" })).toBe(false);
  });

  test("query parameters are not ignored", () => {
    expect(
      matches({ prefix: "/", queryParameters: [{ name: "q", stringMatch: { exact: "1" } }] }, { path: "/?q=2" }),
    ).toBe(false);
  });

  test.each([
    ["grpc", { prefix: "/", grpc: {} }],
    ["tls_context", { prefix: "/", tlsContext: { presented: true } }],
    ["cookies", { prefix: "/", cookies: [{ name: "a", stringMatch: { exact: "1" } }] }],
    [
      "dynamic_metadata",
      { prefix: "/", dynamicMetadata: [{ filter: "f", path: [{ key: "k" }], value: { presentMatch: true } }] },
    ],
  ] as const)("%s is not ignored", (_, match) => {
    expect(matches(match as RouteMatch, {})).toBe(false);
  });

  test("present_match false means absent", () => {
    expect(matches({ prefix: "/", headers: [{ name: "x", presentMatch: false }] }, { headers: { x: "1" } })).toBe(
      false,
    );
    expect(matches({ prefix: "/", headers: [{ name: "x", presentMatch: false }] }, {})).toBe(true);
  });

  test("a matcher without specifier asks for presence", () => {
    expect(matches({ prefix: "/", headers: [{ name: "x" }] }, { headers: { x: "1" } })).toBe(true);
  });

  test("an inverted value matcher does not match an absent header", () => {
    expect(matches({ prefix: "/", headers: [{ name: "x", stringMatch: { exact: "1" }, invertMatch: true }] }, {})).toBe(
      false,
    );
  });

  test("redirects and direct responses do not refuse the table", () => {
    const routes = [
      { match: { path: "/r" }, redirect: { pathRedirect: "/x" } },
      { match: { prefix: "/" }, directResponse: { status: 200 } },
    ];
    expect(() => compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes }] })).not.toThrow();
  });

  test("hosts are compared without case, and a wildcard takes at least one character", () => {
    const hosts = [
      { name: "wild", domains: ["*.foo.com"] },
      { name: "any", domains: ["*"] },
    ];
    expect([hostOf(hosts, "A.FOO.com"), hostOf(hosts, ".foo.com")]).toEqual(["wild", "any"]);
  });

  test("inverted metadata in RBAC holds when the metadata is missing", () => {
    const metadata = { filter: "f", path: [{ key: "k" }], value: { presentMatch: true }, invert: true };
    const rbac = compileRbac({
      rules: { policies: { p: { permissions: [{ metadata }], principals: [{ any: true }] } } },
    });
    expect(rbac.decide(createRequest({})).allowed).toBe(true);
  });

  test("an RBAC rule of an unknown kind is refused instead of turning true under not_rule", () => {
    const policies = { p: { permissions: [{ notRule: {} }], principals: [{ any: true }] } };
    expect(() => compileRbac({ rules: { policies } })).toThrow("ERR_ROUTER_FIELD_INVALID");
  });
});

/** The decision of a host's only route. */
function forwardOf(route: RouteAction, init: RequestInit = {}, random: Random = fixedRandom(0)): Forward {
  const table = compileRoutes({
    virtualHosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route }] }],
  });
  const decision = table.route(createRequest({ authority: "h", ...init }), { random, now: 0 });
  if (decision.kind !== "forward") throw new Error(`expected a forward, got ${decision.kind}`);
  return decision;
}

describe("where grpc-js-xds 1.14.1 goes wrong with what follows a match", () => {
  test.each([
    ["a header matcher", { prefix: "/", headers: [{ name: "x", safeRegexMatch: { regex: "a|b" } }] }],
    ["a string matcher", { prefix: "/", headers: [{ name: "x", stringMatch: { safeRegex: { regex: "a|b" } } }] }],
  ] as const)("the pattern of %s is anchored at both ends", (_, match) => {
    expect(matches(match as RouteMatch, { headers: { x: "aXXX" } })).toBe(false);
    expect(matches(match as RouteMatch, { headers: { x: "b" } })).toBe(true);
  });

  test("the pattern of an RBAC permission is anchored, where it would let anyone in", () => {
    const header = { name: "x", stringMatch: { safeRegex: { regex: "admin|root" } } };
    const policies = { p: { permissions: [{ header }], principals: [{ any: true }] } };
    const rbac = compileRbac({ rules: { policies } });
    expect(rbac.decide(createRequest({ headers: { x: "administrator" } })).allowed).toBe(false);
    expect(rbac.decide(createRequest({ headers: { x: "root" } })).allowed).toBe(true);
  });

  // There `1s` becomes `10s`, a string and a number put together, and `0.5s` becomes `00.5s`.
  test.each([
    [1n, 0, 1000],
    [0n, 500_000_000, 500],
  ])("a back-off of %d s and %d ns is a number of milliseconds", (seconds, nanos, baseMs) => {
    const retryPolicy = { retryOn: "5xx", retryBackOff: { baseInterval: { seconds, nanos } } };
    const decision = forwardOf({ cluster: "c", retryPolicy }, {}, () => 0.999999);
    const verdict = decision.retry({ kind: "response", status: 503, headers: [] }, 1, 0);
    const delay = verdict.retry ? verdict.delayMs : -1;
    expect(delay).toBeGreaterThan(baseMs * 0.9);
    expect(delay).toBeLessThan(baseMs);
  });

  test("conditions with blanks around them count", () => {
    const decision = forwardOf({ cluster: "c", retryPolicy: { retryOn: " reset , 5xx ,connect-failure" } });
    expect(decision.retry({ kind: "response", status: 500, headers: [] }, 1, 0)).toMatchObject({ retry: true });
  });

  test("hashes are combined within 64 bits", () => {
    const hashPolicy = Array.from({ length: 8 }, (_, i) => ({ header: { headerName: `x-${i}` } }));
    const headers = Object.fromEntries(hashPolicy.map((_, i) => [`x-${i}`, `value ${i}`]));
    const hash = forwardOf({ cluster: "c", hashPolicy }, { headers }).hash() ?? -1n;
    expect(hash).toBe(BigInt.asUintN(64, hash));
    expect(hash).not.toBe(forwardOf({ cluster: "c", hashPolicy: hashPolicy.slice(0, 1) }, { headers }).hash());
  });

  // Its engine runs in a WebAssembly heap of 16 MiB, out of which nothing is freed: the process aborts.
  test("updates of tables with patterns do not wear the process out", () => {
    const routes = (turn: number) =>
      Array.from({ length: 60 }, (_, i) => ({
        match: { safeRegex: { regex: `/t${turn}/s${i}/[a-z]+/\\d{1,8}` } },
        route: { cluster: `c${i}` },
      }));
    for (let turn = 0; turn < 120; turn++) {
      const table = compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes: routes(turn) }] });
      const decision = table.route(createRequest({ path: `/t${turn}/s59/a/1` }), { random: fixedRandom(0), now: 0 });
      expect(decision).toMatchObject({ kind: "forward", cluster: "c59" });
    }
  }, 60_000);

  test("a route by cluster header does not vanish, and contains_match does not refuse the table", () => {
    expect(forwardOf({ clusterHeader: "x-cluster" }, { headers: { "x-cluster": "c7" } }).cluster).toBe("c7");
    expect(matches({ prefix: "/", headers: [{ name: "x", containsMatch: "b" }] }, { headers: { x: "abc" } })).toBe(
      true,
    );
  });

  test("weights need not add up to 100", () => {
    const clusters = [
      { name: "a", weight: 1 },
      { name: "b", weight: 2 },
    ];
    const chosen = [0, 1, 2, 3].map(
      (value) => forwardOf({ weightedClusters: { clusters } }, {}, fixedRandom(value)).cluster,
    );
    expect(chosen).toEqual(["a", "b", "b", "a"]);
  });

  test("an exact path without case is no prefix", () => {
    expect(matches({ path: "/foo", caseSensitive: false }, { path: "/FOO/bar" })).toBe(false);
    expect(matches({ path: "/foo", caseSensitive: false }, { path: "/FOO" })).toBe(true);
  });
});

describe("where grpc-go goes wrong", () => {
  test("a route with query parameters is not dropped", () => {
    const queryParameters = [{ name: "q", stringMatch: { exact: "1" } }];
    expect(matches({ prefix: "/", queryParameters }, { path: "/?q=1" })).toBe(true);
  });

  test("a header matcher without specifier does not refuse the table", () => {
    expect(matches({ prefix: "/", headers: [{ name: "x" }] }, {})).toBe(false);
  });

  test("chance is drawn once for all that a request meets", () => {
    let draws = 0;
    const runtimeFraction = { defaultValue: { numerator: 100 } };
    const clusters = [
      { name: "a", weight: 50 },
      { name: "b", weight: 50 },
    ];
    const table = compileRoutes({
      virtualHosts: [
        {
          name: "v",
          domains: ["*"],
          routes: [
            { match: { prefix: "/", runtimeFraction: { defaultValue: { numerator: 0 } } }, route: { cluster: "c" } },
            { match: { prefix: "/", runtimeFraction }, route: { weightedClusters: { clusters } } },
          ],
        },
      ],
    });
    const value = fixedRandom(60);
    const random = () => {
      draws++;
      return value();
    };
    expect(table.route(createRequest({}), { random, now: 0 })).toMatchObject({ cluster: "b" });
    expect(draws).toBe(1);
  });

  test("a wildcard takes at least one character", () => {
    expect(hostOf([{ name: "w", domains: ["*-bar.test"] }], "-bar.test")).toBeUndefined();
  });

  test("a fraction passes below its numerator, not at it", () => {
    const table = compileRoutes({
      virtualHosts: [
        {
          name: "v",
          domains: ["*"],
          routes: [
            { match: { prefix: "/", runtimeFraction: { defaultValue: { numerator: 50 } } }, route: { cluster: "c" } },
          ],
        },
      ],
    });
    const kinds = [49, 50].map(
      (value) => table.route(createRequest({ authority: "h" }), { random: fixedRandom(value), now: 0 }).kind,
    );
    expect(kinds).toEqual(["forward", "no-route"]);
  });
});

describe("where MOSN goes wrong", () => {
  test("a pattern takes the whole path", () => {
    expect(matches({ safeRegex: { regex: "/a" } }, { path: "/x/a/y" })).toBe(false);
  });

  test("a string_match is not an exact match of nothing", () => {
    const headers = [{ name: "x", stringMatch: { prefix: "a" } }];
    expect(matches({ prefix: "/", headers }, { headers: { x: "abc" } })).toBe(true);
    expect(matches({ prefix: "/", headers }, { headers: { x: "" } })).toBe(false);
  });

  test("weights are half-open shares in declaration order", () => {
    const clusters = [
      { name: "a", weight: 10 },
      { name: "none", weight: 0 },
      { name: "b", weight: 90 },
    ];
    const counts = new Map<string, number>();
    for (let value = 0; value < 100; value++) {
      const { cluster } = forwardOf({ weightedClusters: { clusters } }, {}, fixedRandom(value));
      counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
    }
    expect([...counts]).toEqual([
      ["a", 10],
      ["b", 90],
    ]);
  });

  test("regex_rewrite is carried out", () => {
    const regexRewrite = { pattern: { regex: "^/(\\w+)/(\\w+)$" }, substitution: "/\\2/\\1" };
    expect(forwardOf({ cluster: "c", regexRewrite }, { path: "/a/b?q" }).request().path).toBe("/b/a?q");
  });

  test("a path is compared with its case", () => {
    expect(matches({ path: "/Foo" }, { path: "/foo" })).toBe(false);
  });

  test("a prefix wildcard is a domain", () => {
    expect(hostOf([{ name: "p", domains: ["www.*"] }], "www.shop.test")).toBe("p");
  });
});
