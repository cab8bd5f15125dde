/** `route()` over every shape and size of table, against the plainest scan and, for paths, find-my-way. */
import { createRequire } from "node:module";
import { compileRoutes, fixedRandom, type RouteRequest, type RouteTable } from "@weftmesh/router";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Bar, Operation, OperationRow } from "../row.js";
import { pathOf, prefix, type Shape, shapes } from "./shapes.js";

const context = { random: fixedRandom(0), now: 0 };
const ratio = (max: number): Bar => ({ kind: "ratio", max });
const absolute = (max: number): Bar => ({ kind: "absolute", max });

/** A table of one host. */
export function tableOf(routes: readonly Route[]): RouteTable {
  return compileRoutes({ virtualHosts: [{ name: "all", domains: ["*"], routes }] });
}

/** Routes of a shape. */
export function routesOf(shape: Shape, count: number): Route[] {
  return Array.from({ length: count }, (_, i) => ({ match: shape.match(i), route: { cluster: `c${i}` } }));
}

/** Identity, cluster and timeouts are read, as a proxy does for every request. */
export function routing(table: RouteTable, requests: readonly RouteRequest[]): Operation {
  let turn = 0;
  return () => {
    const decision = table.route(requests[turn++ % requests.length] as RouteRequest, context);
    return decision.kind === "forward"
      ? decision.cluster.length + decision.route.index + decision.timeouts.requestMs
      : -1;
  };
}

/** Tests one route after the other. */
function scan(shape: Shape, count: number, request: RouteRequest): Operation {
  const tests = Array.from({ length: count }, (_, i) => shape.test(i));
  return () => tests.findIndex((test) => test(request));
}

function findMyWay(count: number): Operation {
  const require = createRequire(import.meta.url);
  const create = require("find-my-way") as () => {
    on(method: string, path: string, handler: () => void): void;
    find(method: string, path: string): unknown;
  };
  const router = create();
  for (let i = 0; i < count; i++) router.on("GET", pathOf(i), () => undefined);
  return () => router.find("GET", pathOf(count - 1));
}

const text = (count: number): string => count.toLocaleString("en-US");

function barOf(shape: Shape, count: number): Bar {
  if (count === 100_000) return absolute(/under one path/.test(shape.name) ? 5000 : 2000);
  if (shape.name.startsWith("pattern without") && count === 1000) return absolute(3000);
  // At ten routes the whole decision is set against finding the position alone.
  return ratio(count === 10 ? 10 : count === 1000 ? 0.5 : 0.01);
}

function row(shape: Shape, count: number): OperationRow {
  const last = shape.request(count - 1);
  const paths = { name: "find-my-way (path only)", prepare: () => findMyWay(count), bar: ratio(10) };
  return {
    kind: "operation",
    name: `route match, ${text(count)} routes by ${shape.name}, last hits`,
    ours: { name: "weftmesh", prepare: () => routing(tableOf(routesOf(shape, count)), [last]) },
    against: [
      { name: "linear scan", prepare: () => scan(shape, count, last), bar: barOf(shape, count) },
      ...(shape === prefix ? [paths] : []),
    ],
  };
}

/** A table just too long to be scanned, against one that is just not. */
const shortTables: OperationRow = {
  kind: "operation",
  name: "route match, 5 routes by prefix, indexed, against 4, scanned",
  ours: { name: "indexed", prepare: () => routing(tableOf(routesOf(prefix, 5)), [prefix.request(3)]) },
  against: [
    {
      name: "scanned",
      prepare: () => routing(tableOf(routesOf(prefix, 4)), [prefix.request(3)]),
      bar: ratio(1.25),
    },
  ],
};

const lastAgainstFirst: OperationRow = {
  kind: "operation",
  name: "route match, 10,000 prefixes, last against first",
  ours: { name: "last", prepare: () => routing(tableOf(routesOf(prefix, 10_000)), [prefix.request(9_999)]) },
  against: [
    {
      name: "first",
      prepare: () => routing(tableOf(routesOf(prefix, 10_000)), [prefix.request(0)]),
      bar: ratio(1.5),
    },
  ],
};

export const matchingRows: readonly OperationRow[] = [
  ...shapes.flatMap((shape) => shape.sizes.map((count) => row(shape, count))),
  shortTables,
  lastAgainstFirst,
];
