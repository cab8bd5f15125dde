import {
  compileRoutes,
  createRequest,
  type Forward,
  fixedRandom,
  type RequestInit,
  type RouteContext,
  type RouteOptions,
  type RouteRequest,
} from "@weftmesh/router";
import type { Route, RouteAction, VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";

/** Chance that always hits, at the beginning of time. */
export const context: RouteContext = { random: fixedRandom(0), now: 0 };

/** A table of one route, and a request that it takes. */
export interface Setup {
  readonly route?: Partial<Route>;
  readonly action?: Partial<RouteAction>;
  readonly host?: Partial<VirtualHost>;
  readonly options?: RouteOptions;
  readonly request?: RequestInit | RouteRequest;
}

/** The decision to forward that comes out of it. */
export function forward({ route, action, host, options, request = {} }: Setup): Forward {
  const own = { match: { prefix: "/" }, ...route, route: { cluster: "cart", ...action } } as Route;
  const table = compileRoutes({ virtualHosts: [{ name: "shop", domains: ["*"], routes: [own], ...host }] }, options);
  const decision = table.route(
    "method" in request && "scheme" in request
      ? (request as RouteRequest)
      : createRequest({ url: "http://shop.test/", ...request }),
    context,
  );
  if (decision.kind !== "forward") throw new Error(decision.kind);
  return decision;
}

/** An `Any` of a known message. */
export const any = (type: string, message: object): { readonly typeUrl: string; readonly message: object } => ({
  typeUrl: `type.googleapis.com/${type}`,
  message,
});
