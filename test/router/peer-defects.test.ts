/** What other implementations get wrong (specification of the router, section 7): each is a rule here. */
import { compileRbac, compileRoutes, createRequest, fixedRandom, type RequestInit } from "@weftmesh/router";
import type { RouteMatch, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
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

describe("where grpc-go goes wrong", () => {
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
  test("a path is compared with its case", () => {
    expect(matches({ path: "/Foo" }, { path: "/foo" })).toBe(false);
  });

  test("a prefix wildcard is a domain", () => {
    expect(hostOf([{ name: "p", domains: ["www.*"] }], "www.shop.test")).toBe("p");
  });
});
