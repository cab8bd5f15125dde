/** A small mixed table, ours against the matcher of grpc-js-xds. */
import { createRequire } from "node:module";
import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Operation, OperationRow } from "../row.js";
import { routing, tableOf } from "./matching.js";
import { fields, requestTo } from "./shapes.js";

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

export const againstGrpc: OperationRow = {
  kind: "operation",
  name: "route match, ten mixed routes",
  ours: {
    name: "weftmesh",
    prepare: () =>
      routing(
        tableOf(mixedRoutes()),
        mixedPaths.map((path) => requestTo(path)),
      ),
  },
  against: [{ name: "grpc-js-xds 1.14.1", prepare: grpcMixed, bar: { kind: "ratio", max: 1 / 3 } }],
};
