import type { Route, RouteList } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Matcher } from "@weftmesh/xds-types/xds/type/matcher/v3";
import type { ForwardDefaults } from "../action/forward.js";
import { asciiLower } from "../ascii.js";
import { messageOf, type NamedConfig, typeName, unknownExtension } from "../extension.js";
import type { RequestFacts } from "../facts.js";
import { CompiledRoute } from "../route.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileTree, type TreeUse } from "./tree.js";

/** The candidates that a matcher tree names for a request; each one's own match must hold as well. */
export type RouteTree = (facts: RequestFacts) => readonly CompiledRoute[] | undefined;

const routeType = "envoy.config.route.v3.Route";
const listType = "envoy.config.route.v3.RouteList";
const headerInput = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput";
const filterStateInput = "envoy.extensions.matching.common_inputs.network.v3.FilterStateInput";

/** Compiles a virtual host's `matcher`. */
export function compileRouteTree(
  matcher: Matcher,
  where: string,
  defaults: ForwardDefaults,
  maxBodyBytes: number,
  scope: Scope,
  surroundings: Surroundings,
): RouteTree {
  const compileRoute = (route: Route, at: Scope): CompiledRoute =>
    new CompiledRoute(route, -1, where, defaults, maxBodyBytes, at, surroundings);
  const use: TreeUse<RequestFacts, readonly CompiledRoute[]> = {
    input: compileRouteInput,
    action(config, at) {
      const inner = at.field("typed_config");
      const route = messageOf<Route>(config.typedConfig, routeType, inner);
      if (route !== undefined) return [compileRoute(route, inner)];
      const list = messageOf<RouteList>(config.typedConfig, listType, inner);
      if (list !== undefined) return (list.routes ?? []).map((one, i) => compileRoute(one, inner.item("routes", i)));
      const type = typeName(config.typedConfig);
      if (type !== routeType && type !== listType) unknownExtension(type, inner);
      return undefined;
    },
    keepMatching: false,
    surroundings,
  };
  return compileTree(matcher, use, scope);
}

/** A route table can match on request headers and filter state, and on nothing else. */
function compileRouteInput(config: NamedConfig, scope: Scope): (facts: RequestFacts) => string | undefined {
  const where = scope.field("typed_config");
  const header = messageOf<{ readonly headerName?: string }>(config.typedConfig, headerInput, where);
  if (header !== undefined) {
    const name = asciiLower(header.headerName ?? "");
    if (name === "") where.field("header_name").report("ERR_ROUTER_FIELD_INVALID", "expected a header name, got none");
    return (facts) => {
      const values = facts.headerValues(name);
      return values.length === 0 ? undefined : values.join(",");
    };
  }
  const state = messageOf<{ readonly key?: string }>(config.typedConfig, filterStateInput, where);
  if (state !== undefined) {
    const key = state.key ?? "";
    return ({ request }) =>
      request.filterState !== undefined && Object.hasOwn(request.filterState, key)
        ? request.filterState[key]
        : undefined;
  }
  where.report(
    "ERR_ROUTER_UNSUPPORTED",
    `a route table can only match on request headers and filter state, got ${typeName(config.typedConfig)}`,
  );
  return () => undefined;
}
