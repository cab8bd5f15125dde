import { compileHttpFilters, compileRoutes, createRequest, RouterError } from "@weftmesh/router";
import { RBACPerRoute } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import { HttpFilter } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { describe, expect, test } from "vitest";

const TYPE = "type.googleapis.com/envoy.extensions.filters.http";
const ROUTER = { name: "router", typed_config: { "@type": `${TYPE}.router.v3.Router` } };
const any = { policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } };
const rbac = (action: string) => ({ "@type": `${TYPE}.rbac.v3.RBAC`, rules: { action, ...any } });
const perRoute = (action?: string) => ({
  "@type": `${TYPE}.rbac.v3.RBACPerRoute`,
  ...(action === undefined ? {} : { rbac: { rules: { action, ...any } } }),
});
const filtersOf = (...filters: readonly object[]) =>
  compileHttpFilters(filters.map((each) => HttpFilter.fromJson(each as never)));

function decide(route: object) {
  const table = compileRoutes({
    virtualHosts: [{ name: "a", domains: ["shop"], routes: [{ match: { prefix: "/" }, ...route }] }],
  });
  const request = createRequest({ url: "http://shop/x" });
  return { request, decision: table.route(request, { random: () => 0, now: 0 }) };
}

const forward = { route: { cluster: "c" } };
const answers: readonly [string, object][] = [
  ["a forward", forward],
  ["a direct response", { directResponse: { status: 200 } }],
  ["a redirect", { redirect: { hostRedirect: "other" } }],
];

// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/rbac_filter
describe("compileHttpFilters", () => {
  describe.each(answers)("in front of %s", (_, route) => {
    test.each([
      ["the filter's rules allow", "ALLOW", undefined, false],
      ["the filter's rules deny", "DENY", undefined, true],
      ["the route denies what the filter allows", "ALLOW", perRoute("DENY"), true],
      ["the route allows what the filter denies", "DENY", perRoute("ALLOW"), false],
      ["the route switches the rules off", "DENY", perRoute(), false],
    ])("%s", (_, action, own, refused) => {
      const config = own && { typeUrl: own["@type"], message: RBACPerRoute.fromJson(withoutType(own) as never) };
      const { request, decision } = decide({ ...route, ...(config && { typedPerFilterConfig: { rbac: config } }) });
      const filters = filtersOf({ name: "rbac", typed_config: rbac(action) }, ROUTER);
      const refusal = filters.refuse(request, decision);
      expect(refusal?.filter).toBe(refused ? "rbac" : undefined);
      if (refused) expect(refusal?.reply).toMatchObject({ status: 403, body: "RBAC: access denied" });
    });
  });

  test("a filter that is switched off decides nothing, until a route switches it on", () => {
    const filters = filtersOf({ name: "rbac", disabled: true, typed_config: rbac("DENY") }, ROUTER);
    const off = decide(forward);
    expect(filters.refuse(off.request, off.decision)).toBeUndefined();
    const config = {
      typeUrl: `${TYPE}.rbac.v3.RBACPerRoute`,
      message: { rbac: { rules: { action: "DENY", ...any } } },
    };
    const on = decide({ ...forward, typedPerFilterConfig: { rbac: config } });
    expect(filters.refuse(on.request, on.decision)?.filter).toBe("rbac");
  });

  test("a request without a route is judged too", () => {
    const filters = filtersOf({ name: "rbac", typed_config: rbac("DENY") }, ROUTER);
    const request = createRequest({ url: "http://elsewhere/" });
    const decision = compileRoutes({}).route(request, { random: () => 0, now: 0 });
    expect(filters.refuse(request, decision)?.reply.status).toBe(403);
  });

  test("rules of a route that nobody can read let nobody in", () => {
    const filters = filtersOf({ name: "rbac", typed_config: rbac("ALLOW") }, ROUTER);
    const opaque = { typeUrl: `${TYPE}.rbac.v3.RBACPerRoute`, value: Uint8Array.of(1) };
    for (const config of [opaque, { typeUrl: opaque.typeUrl, message: { rbac: { rules: { action: 7 } } } }]) {
      const { request, decision } = decide({ ...forward, typedPerFilterConfig: { rbac: config } });
      expect(filters.refuse(request, decision)?.reply.status).toBe(403);
    }
  });

  test.each([
    ["no filter at all", [], "http_filters"],
    ["no router", [{ name: "rbac", typed_config: rbac("ALLOW") }], "http_filters"],
    [
      "another filter",
      [{ name: "cors", typed_config: { "@type": `${TYPE}.cors.v3.Cors` } }, ROUTER],
      "http_filters[0].typed_config",
    ],
    ["a router in front", [ROUTER, ROUTER], "http_filters[0].typed_config"],
  ])("%s is refused with its path", (_, filters, path) => {
    const refused = () => filtersOf(...filters);
    expect(refused).toThrow(RouterError);
    expect(refused).toThrow(expect.objectContaining({ path }));
  });
});

function withoutType({ "@type": _, ...rest }: Readonly<Record<string, unknown>>): object {
  return rest;
}
