import { compileRoutes, createRequest, fixedRandom, type RouteRequest } from "@weftmesh/router";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RequestFacts } from "../../packages/router/src/facts.js";
import { patterns } from "../../packages/router/src/regex/library.js";
import { CompiledTable } from "../../packages/router/src/route-table.js";

const segment = fc.constantFrom("a", "b", "A", "ab", "a;p=1", "%41", "");
const path = fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`);
const name = fc.constantFrom("x-tenant", "x-b", ":method");
const value = fc.constantFrom("one", "two", "GET", "");

const pathMatch: fc.Arbitrary<NonNullable<Route["match"]>> = fc.oneof(
  fc.record({ prefix: fc.oneof(path, fc.constant("")), caseSensitive: fc.boolean() }),
  fc.record({ path, caseSensitive: fc.boolean() }),
  fc.record({ pathSeparatedPrefix: fc.constantFrom("/a", "/a/b", "/A"), caseSensitive: fc.boolean() }),
  fc.record({
    safeRegex: fc.constantFrom("/a.*", ".*b", "/(a|b)/.*", "(?i)/A/.*", "/a/?").map((regex) => ({ regex })),
  }),
  fc.constant({ connectMatcher: {} }),
);

const headers = fc.array(
  fc.oneof(
    fc.record({ name, stringMatch: fc.record({ exact: value }), invertMatch: fc.boolean() }),
    fc.record({ name, stringMatch: fc.record({ exact: value, ignoreCase: fc.boolean() }) }),
    fc.record({ name, presentMatch: fc.boolean() }),
  ),
  { maxLength: 2 },
);
const queryParameters = fc.array(
  fc.record({ name: fc.constantFrom("q", "id"), stringMatch: fc.record({ exact: value }) }),
  { maxLength: 1 },
);
const fraction = fc.option(
  fc.constantFrom(0, 50, 100).map((numerator) => ({ defaultValue: { numerator } })),
  { nil: undefined, freq: 4 },
);

const route: fc.Arbitrary<Route> = fc
  .record({ path: pathMatch, headers, queryParameters, fraction })
  .map(({ path: match, fraction: runtimeFraction, ...rest }) => ({
    match: { ...match, ...rest, ...(runtimeFraction === undefined ? {} : { runtimeFraction }) },
    route: { cluster: "c" },
  }));

const request: fc.Arbitrary<RouteRequest> = fc
  .record({
    path,
    query: fc.constantFrom("", "?q=one", "?q=two&id=one", "#f"),
    method: fc.constantFrom("GET", "CONNECT"),
    headers: fc.array(fc.tuple(fc.constantFrom("x-tenant", "x-b"), value), { maxLength: 3 }),
  })
  .map(({ path: text, query, method, headers: list }) =>
    createRequest({ authority: "h", method, path: text + query, headers: list }),
  );

describe("the index", () => {
  test("finds the route that a scan of the list finds", () => {
    fc.assert(
      fc.property(
        fc.array(route, { minLength: 13, maxLength: 60 }),
        fc.array(request, { minLength: 40, maxLength: 40 }),
        fc.boolean(),
        fc.nat({ max: 99 }),
        fc.option(fc.nat({ max: 3 }), { nil: undefined }),
        (routes, requests, drop, random, skip) => {
          const config = {
            virtualHosts: [{ name: "v", domains: ["*"], routes }],
            ignorePathParametersInPathMatching: drop,
          };
          const table = CompiledTable.compile(config, { patterns });
          for (const one of requests) {
            const facts = new RequestFacts(one, { random: fixedRandom(random), now: 0 }, drop);
            const index = table.hostOf(facts)?.index;
            const found = [index?.find(facts, accepting(skip)), index?.scan(facts, accepting(skip))];
            expect(found[0]?.index).toBe(found[1]?.index);
          }
        },
      ),
      { seed: 20_261_121, numRuns: 1500 },
    );
  }, 120_000);

  test("names the winner that explain names", () => {
    fc.assert(
      fc.property(fc.array(route, { maxLength: 30 }), request, (routes, one) => {
        const table = compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes }] });
        const context = { random: fixedRandom(7), now: 0 };
        const trace = table.explain(one, context);
        const decision = table.route(one, context);
        const winner = trace.routes.find((entry) => entry.matched)?.route.index;
        expect(trace.decision.kind).toBe(decision.kind);
        expect(winner).toBe(decision.kind === "forward" ? decision.route.index : undefined);
      }),
      { seed: 5, numRuns: 500 },
    );
  }, 60_000);

  test("groups routes under one path by the header that tells them apart", () => {
    const routes = Array.from({ length: 2000 }, (_, i) => ({
      match: { prefix: "/", headers: [{ name: "x-tenant", stringMatch: { exact: `t${i}` } }] },
      route: { cluster: `c${i}` },
    }));
    const table = compileRoutes({ virtualHosts: [{ name: "v", domains: ["*"], routes }] });
    const decision = table.route(createRequest({ authority: "h", headers: { "x-tenant": "t1999" } }), {
      random: fixedRandom(0),
      now: 0,
    });
    expect(decision).toMatchObject({ kind: "forward", cluster: "c1999" });
    expect(table.stats()).toMatchObject([{ routes: 2000, prefix: 2000, residual: 0 }]);
  });
});

function accepting(skip: number | undefined): (() => boolean) | undefined {
  if (skip === undefined) return undefined;
  let left = skip;
  return () => left-- <= 0;
}
