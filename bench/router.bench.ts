/** The router against a plain scan, find-my-way (paths only) and the matcher of grpc-js-xds. */
import { createRequire } from "node:module";
import { compileRoutes, createRequest, fixedRandom, type RouteRequest, type RouteTable } from "@weftmesh/router";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Bar, Measurement, MeasurementRow, Operation, OperationRow, Row } from "./row.js";

const context = { random: fixedRandom(0), now: 0 };
const ratio = (max: number): Bar => ({ kind: "ratio", max });
const absolute = (max: number): Bar => ({ kind: "absolute", max });

function tableOf(routes: readonly Route[]): RouteTable {
  return compileRoutes({ virtualHosts: [{ name: "all", domains: ["*"], routes }] });
}

const fields = { "user-agent": "bench", accept: "*/*", "x-request-id": "7" };
const request = (path: string, headers: Record<string, string> = {}): RouteRequest =>
  createRequest({ authority: "shop.test", path, headers: { ...fields, ...headers } });

/** Identity, cluster and timeouts are read, as a proxy does for every request. */
function routing(table: RouteTable, requests: readonly RouteRequest[]): Operation {
  let turn = 0;
  return () => {
    const decision = table.route(requests[turn++ % requests.length] as RouteRequest, context);
    return decision.kind === "forward"
      ? decision.cluster.length + decision.route.index + decision.timeouts.requestMs
      : -1;
  };
}

const pathOf = (i: number): string => `/api/v1/service-${i}/items`;
type PathKind = "prefix" | "path" | "pathSeparatedPrefix";
const routesBy = (kind: PathKind, count: number): Route[] =>
  Array.from({ length: count }, (_, i) => ({ match: { [kind]: pathOf(i) }, route: { cluster: `c${i}` } }) as Route);

/** The least that a list of prefixes can cost: compare one after the other, give the first. */
function scan(count: number, path: string): Operation {
  const prefixes = Array.from({ length: count }, (_, i) => pathOf(i));
  return () => prefixes.find((prefix) => path.startsWith(prefix));
}

function findMyWay(count: number, path: string): Operation {
  const require = createRequire(import.meta.url);
  const create = require("find-my-way") as () => {
    on(method: string, path: string, handler: () => void): void;
    find(method: string, path: string): unknown;
  };
  const router = create();
  for (let i = 0; i < count; i++) router.on("GET", pathOf(i), () => undefined);
  return () => router.find("GET", path);
}

const lastOfTenThousand: OperationRow = {
  kind: "operation",
  name: "route match, 10,000 prefixes, last hits",
  ours: { name: "weftmesh", prepare: () => routing(tableOf(routesBy("prefix", 10_000)), [request(pathOf(9_999))]) },
  against: [
    { name: "linear scan", prepare: () => scan(10_000, pathOf(9_999)), bar: ratio(0.01) },
    { name: "find-my-way (path only)", prepare: () => findMyWay(10_000, pathOf(9_999)), bar: ratio(10) },
  ],
};

const lastAgainstFirst: OperationRow = {
  kind: "operation",
  name: "route match, 10,000 prefixes, last against first",
  ours: { name: "last", prepare: () => routing(tableOf(routesBy("prefix", 10_000)), [request(pathOf(9_999))]) },
  against: [
    {
      name: "first",
      prepare: () => routing(tableOf(routesBy("prefix", 10_000)), [request(pathOf(0))]),
      bar: ratio(1.5),
    },
  ],
};

const hundredThousand = (["prefix", "path", "pathSeparatedPrefix"] as const).map(
  (kind): OperationRow => ({
    kind: "operation",
    name: `route match, 100,000 routes by ${kind}`,
    ours: {
      name: "weftmesh",
      prepare: () =>
        routing(
          tableOf(routesBy(kind, 100_000)),
          [0, 50_000, 99_999].map((i) => request(pathOf(i))),
        ),
    },
    against: [{ name: "linear scan", prepare: () => scan(100_000, pathOf(50_000)), bar: absolute(2000) }],
  }),
);

const tenants = 100_000;
const byTenant: OperationRow = {
  kind: "operation",
  name: "route match, 100,000 routes under one path by tenant header",
  ours: {
    name: "weftmesh",
    prepare() {
      const routes = Array.from({ length: tenants }, (_, i) => ({
        match: { prefix: "/", headers: [{ name: "x-tenant", stringMatch: { exact: `t${i}` } }] },
        route: { cluster: `c${i}` },
      }));
      return routing(tableOf(routes), [request("/x", { "x-tenant": `t${tenants - 1}` })]);
    },
  },
  against: [
    {
      name: "linear scan",
      prepare() {
        const values = Array.from({ length: tenants }, (_, i) => `t${i}`);
        return () => values.find((value) => value === `t${tenants - 1}`);
      },
      bar: absolute(5000),
    },
  ],
};

const pattern = (i: number): string => `.*/service-${i}/(users|orders)/[^/]+`;
const residual: OperationRow = {
  kind: "operation",
  name: "route match, 1,000 patterns without a literal beginning, last hits",
  ours: {
    name: "weftmesh",
    prepare() {
      const routes = Array.from({ length: 1000 }, (_, i) => ({
        match: { safeRegex: { regex: pattern(i) } },
        route: { cluster: `c${i}` },
      }));
      return routing(tableOf(routes), [request("/shop/service-999/users/1")]);
    },
  },
  against: [
    {
      name: "RegExp one by one",
      prepare() {
        const patterns = Array.from({ length: 1000 }, (_, i) => new RegExp(`^(?:${pattern(i)})$`));
        return () => patterns.find((one) => one.test("/shop/service-999/users/1"));
      },
      bar: absolute(3000),
    },
  ],
};

const suffixHosts: OperationRow = {
  kind: "operation",
  name: "route match, 10,000 suffix-wildcard hosts",
  ours: {
    name: "weftmesh",
    prepare() {
      const virtualHosts = Array.from({ length: 10_000 }, (_, i) => ({
        name: `v${i}`,
        domains: [`*.s${i}.test`],
        routes: [{ match: { prefix: "/" }, route: { cluster: `c${i}` } }],
      }));
      return routing(compileRoutes({ virtualHosts }), [createRequest({ authority: "a.s9999.test", headers: fields })]);
    },
  },
  against: [
    {
      name: "linear scan",
      prepare() {
        const suffixes = Array.from({ length: 10_000 }, (_, i) => `.s${i}.test`);
        return () => suffixes.find((suffix) => "a.s9999.test".endsWith(suffix));
      },
      bar: ratio(0.1),
    },
  ],
};

const everyPart: OperationRow = {
  kind: "operation",
  name: "route match, 1,000 prefixes, every part of the result read",
  ours: {
    name: "weftmesh",
    prepare() {
      const table = tableOf(routesBy("prefix", 1000));
      const one = request(pathOf(999));
      return () => {
        const decision = table.route(one, context);
        if (decision.kind !== "forward") return decision.kind;
        const verdict = decision.retry({ kind: "response", status: 503, headers: [] }, 1, 0);
        return [
          decision.request(),
          decision.response(200, []),
          decision.hash(),
          decision.mirrors(),
          decision.rateLimits(),
          decision.cors(),
          verdict,
        ];
      };
    },
  },
  against: [
    {
      name: "identity and cluster only",
      prepare: () => routing(tableOf(routesBy("prefix", 1000)), [request(pathOf(999))]),
      bar: absolute(10_000),
    },
  ],
};

/** The small mixed table: prefixes, whole paths, patterns and headers, as service owners write them. */
const mixed: readonly {
  readonly kind: "prefix" | "path" | "regex";
  readonly text: string;
  readonly tenant?: string;
}[] = [
  { kind: "path", text: "/health" },
  { kind: "prefix", text: "/admin/", tenant: "ops" },
  { kind: "regex", text: "/v[0-9]+/users/[^/]+" },
  { kind: "prefix", text: "/cart/", tenant: "canary" },
  { kind: "prefix", text: "/cart/" },
  { kind: "path", text: "/search" },
  { kind: "regex", text: ".*\\.(png|jpg|css|js)" },
  { kind: "prefix", text: "/orders/" },
  { kind: "prefix", text: "/static/" },
  { kind: "prefix", text: "/" },
];
const mixedPaths = ["/health", "/v2/users/7", "/cart/9", "/img/a.png", "/orders/1", "/else"];

function mixedRoutes(): Route[] {
  return mixed.map(({ kind, text, tenant }, i): Route => {
    const path =
      kind === "prefix" ? { prefix: text } : kind === "path" ? { path: text } : { safeRegex: { regex: text } };
    const headers = tenant === undefined ? [] : [{ name: "x-tenant", stringMatch: { exact: tenant } }];
    return { match: { ...path, headers }, route: { cluster: `c${i}` } };
  });
}

function grpcMixed(): Operation {
  const require = createRequire(import.meta.url);
  const { getPredicateForMatcher } = require("@grpc/grpc-js-xds/build/src/route.js") as {
    getPredicateForMatcher(match: object): { apply(path: string, metadata: object): boolean };
  };
  const { Metadata } = require("@grpc/grpc-js") as { Metadata: new () => { set(key: string, value: string): void } };
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
  const predicates = mixed.map(({ kind, text, tenant }) =>
    getPredicateForMatcher({
      path_specifier: kind === "regex" ? "safe_regex" : kind,
      prefix: text,
      path: text,
      safe_regex: { regex: text },
      case_sensitive: { value: true },
      headers:
        tenant === undefined
          ? []
          : [{ name: "x-tenant", header_match_specifier: "exact_match", exact_match: tenant, invert_match: false }],
    }),
  );
  let turn = 0;
  return () => {
    const path = mixedPaths[turn++ % mixedPaths.length] as string;
    return predicates.find((predicate) => predicate.apply(path, metadata));
  };
}

const againstGrpc: OperationRow = {
  kind: "operation",
  name: "route match, ten mixed routes",
  ours: {
    name: "weftmesh",
    prepare: () =>
      routing(
        tableOf(mixedRoutes()),
        mixedPaths.map((path) => request(path)),
      ),
  },
  against: [{ name: "grpc-js-xds 1.14.1", prepare: grpcMixed, bar: ratio(1 / 3) }],
};

function building(build: () => unknown): Measurement {
  return {
    measure() {
      const start = performance.now();
      build();
      return performance.now() - start;
    },
  };
}

const build: MeasurementRow = {
  kind: "measurement",
  name: "compile 100,000 routes by prefix",
  unit: "ms",
  better: "lower",
  ours: {
    name: "weftmesh",
    prepare() {
      const routes = routesBy("prefix", 100_000);
      return building(() => tableOf(routes));
    },
  },
  against: [
    {
      name: "a copy of the messages",
      prepare() {
        const routes = routesBy("prefix", 100_000);
        return building(() => structuredClone(routes));
      },
      bar: absolute(2000),
    },
  ],
};

const thousandHosts = () =>
  Array.from({ length: 1000 }, (_, i) => ({
    name: `v${i}`,
    domains: [`s${i}.test`],
    routes: routesBy("prefix", 20),
  }));

const replaceHost: MeasurementRow = {
  kind: "measurement",
  name: "replace one of 1,000 virtual hosts",
  unit: "ms",
  better: "lower",
  ours: {
    name: "withHosts",
    prepare() {
      const table = compileRoutes({ virtualHosts: thousandHosts() });
      return building(() =>
        table.withHosts({ set: [{ name: "v5", domains: ["s5.test"], routes: routesBy("prefix", 20) }] }),
      );
    },
  },
  against: [
    {
      name: "compile the table anew",
      prepare() {
        const virtualHosts = thousandHosts();
        return building(() => compileRoutes({ virtualHosts }));
      },
      bar: absolute(50),
    },
  ],
};

export const rows: readonly Row[] = [
  lastOfTenThousand,
  lastAgainstFirst,
  ...hundredThousand,
  byTenant,
  residual,
  suffixHosts,
  everyPart,
  againstGrpc,
  build,
  replaceHost,
];
