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

const template = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

const pathMatch: fc.Arbitrary<NonNullable<Route["match"]>> = fc.oneof(
  fc.record({ prefix: fc.oneof(path, fc.constant("")), caseSensitive: fc.boolean() }),
  fc.record({ path, caseSensitive: fc.boolean() }),
  fc.record({ pathSeparatedPrefix: fc.constantFrom("/a", "/a/b", "/A"), caseSensitive: fc.boolean() }),
  fc.record({
    safeRegex: fc.constantFrom("/a.*", ".*b", "/(a|b)/.*", "(?i)/A/.*", "/a/?").map((regex) => ({ regex })),
  }),
  fc.constantFrom("/a/*", "/{x}/b", "/a/**", "/**").map((pathTemplate) => ({
    pathMatchPolicy: { name: "template", typedConfig: { typeUrl: template, message: { pathTemplate } } },
  })),
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

const cookies = fc.array(
  fc.record({ name: fc.constantFrom("sid", "t"), stringMatch: fc.record({ exact: value }), invertMatch: fc.boolean() }),
  { maxLength: 1 },
);

const route: fc.Arbitrary<Route> = fc
  .record({ path: pathMatch, headers, queryParameters, cookies, fraction })
  .map(({ path: match, fraction: runtimeFraction, ...rest }) => ({
    match: { ...match, ...rest, ...(runtimeFraction === undefined ? {} : { runtimeFraction }) },
    route: { cluster: "c" },
  }));

const request: fc.Arbitrary<RouteRequest> = fc
  .record({
    path,
    query: fc.constantFrom("", "?q=one", "?q=two&id=one", "#f"),
    method: fc.constantFrom("GET", "CONNECT"),
    headers: fc.array(
      fc.oneof(
        fc.tuple(fc.constantFrom("x-tenant", "x-b"), value),
        fc.tuple(fc.constant("cookie"), fc.constantFrom("sid=one", "t=two; sid=GET", "sid=")),
      ),
      { maxLength: 3 },
    ),
  })
  .map(({ path: text, query, method, headers: list }) =>
    createRequest({ authority: "h", method, path: text + query, headers: list }),
  );

/** Tables of a run, with 40 requests each: `WEFTMESH_ROUTE_TABLES=26000` makes over a million pairs. */
const tables = Number(process.env["WEFTMESH_ROUTE_TABLES"] ?? 1260);
const requestsEach = 40;

/** A list in which some routes stand twice, as merged tables have it. */
const routeList = fc
  .tuple(fc.array(route, { minLength: 13, maxLength: 50 }), fc.array(fc.nat(), { maxLength: 10 }))
  .map(([routes, again]) => [...routes, ...again.map((i) => routes[i % routes.length] as Route)]);

describe("the index", () => {
  test("finds the route that a scan of the list finds, which is the one that explain names", () => {
    let pairs = 0;
    fc.assert(
      fc.property(
        routeList,
        fc.array(request, { minLength: requestsEach, maxLength: requestsEach }),
        fc.boolean(),
        fc.nat({ max: 99 }),
        fc.option(fc.nat({ max: 3 }), { nil: undefined }),
        (routes, requests, drop, random, skip) => {
          const table = CompiledTable.compile(
            { virtualHosts: [{ name: "v", domains: ["*"], routes }], ignorePathParametersInPathMatching: drop },
            { patterns },
          );
          for (const one of requests) {
            pairs++;
            const facts = new RequestFacts(one, { random: fixedRandom(random), now: 0 }, drop);
            const index = table.hostOf(facts)?.index;
            const found = index?.find(facts, accepting(skip))?.index;
            const scanned = index?.scan(facts, accepting(skip))?.index;
            if (found !== scanned) expect({ found }).toEqual({ found: scanned });
            // Each question to `accept` counts, so every call needs its own.
            const context = () => ({ random: fixedRandom(random), now: 0, accept: accepting(skip) });
            const decision = table.route(one, context());
            const routed = decision.kind === "forward" ? decision.route.index : undefined;
            if (routed !== scanned) expect({ routed }).toEqual({ routed: scanned });
            const trace = table.explain(one, context());
            const named = trace.decision.kind === "forward" ? trace.decision.route.index : undefined;
            const last = trace.routes.at(-1);
            const shown = named === undefined ? undefined : last?.matched === true ? last.route.index : -1;
            if (named !== scanned || shown !== scanned)
              expect({ named, shown }).toEqual({ named: scanned, shown: scanned });
          }
        },
      ),
      { seed: 20_261_121, numRuns: tables },
    );
    expect(pairs).toBe(tables * requestsEach);
  }, 3_600_000);

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
