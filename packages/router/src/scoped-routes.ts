import type { ScopedRouteConfiguration, ScopedRouteConfiguration_Key } from "@weftmesh/xds-types/envoy/config/route/v3";
import type {
  ScopedRoutes,
  ScopedRoutes_ScopeKeyBuilder_FragmentBuilder,
} from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { asciiLower, byteText } from "./ascii.js";
import { RequestFacts } from "./facts.js";
import type { RouteRequest } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape, checkShapes } from "./shape/check-shape.js";

/** Names the route table of a request. */
export interface ScopeSelector {
  /** Name of the table: the scope's inline one or the one it names; `undefined` if no scope fits, which is a 404. */
  select(request: RouteRequest): string | undefined;
}

const scopedRoutes = "envoy.extensions.filters.network.http_connection_manager.v3.ScopedRoutes";

type Fragment = (facts: RequestFacts) => string | undefined;

/**
 * Compiles the scope key builder of an HttpConnectionManager with the scopes it chooses among.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/rds#scoped-rds
 */
export function compileScopes(
  uncheckedBuilder: ScopedRoutes["scopeKeyBuilder"],
  uncheckedScopes: readonly ScopedRouteConfiguration[],
  options: { readonly path?: string } = {},
): ScopeSelector {
  const scope = Scope.root(options.path);
  const builder = checkShape(
    uncheckedBuilder ?? {},
    `${scopedRoutes}.ScopeKeyBuilder`,
    scope.field("scope_key_builder"),
  );
  const scopes = checkShapes(
    uncheckedScopes,
    "envoy.config.route.v3.ScopedRouteConfiguration",
    "scoped_route_configurations",
    scope,
  );
  const fragments = (builder.fragments ?? []).map((one, i) =>
    compileFragment(one, scope.item("scope_key_builder.fragments", i)),
  );
  if (fragments.length === 0)
    scope.field("scope_key_builder").report("ERR_ROUTER_FIELD_INVALID", "expected at least one fragment, got none");
  const tables = new Map<string, string>();
  scopes.forEach((one, i) => {
    const where = scope.item("scoped_route_configurations", i);
    const key = keyText(one.key);
    if (tables.has(key)) where.field("key").report("ERR_ROUTER_FIELD_CONFLICT", "has the same key as an earlier scope");
    const inline = one.routeConfiguration?.name ?? "";
    const named = one.routeConfigurationName ?? "";
    if ((one.routeConfiguration === undefined) === (named === "")) {
      where.report(
        "ERR_ROUTER_FIELD_CONFLICT",
        "expected exactly one of route_configuration and route_configuration_name",
      );
    }
    tables.set(key, named === "" ? inline : named);
  });
  scope.throwIfRefused();
  return {
    select(request) {
      const facts = new RequestFacts(request, { random: () => 0, now: 0 }, false);
      const parts: string[] = [];
      for (const fragment of fragments) {
        const part = fragment(facts);
        if (part === undefined) return undefined;
        parts.push(part);
      }
      return tables.get(JSON.stringify(parts));
    },
  };
}

function keyText(key: ScopedRouteConfiguration_Key | undefined): string {
  return JSON.stringify((key?.fragments ?? []).map((fragment) => byteText(fragment.stringKey ?? "")));
}

function compileFragment(fragment: ScopedRoutes_ScopeKeyBuilder_FragmentBuilder, scope: Scope): Fragment {
  const extractor = fragment.headerValueExtractor;
  if (extractor === undefined) {
    scope.report("ERR_ROUTER_FIELD_INVALID", "expected header_value_extractor, got none");
    return () => undefined;
  }
  const name = asciiLower(byteText(extractor.name ?? ""));
  const separator = byteText(extractor.elementSeparator ?? "");
  const elements = (facts: RequestFacts): readonly string[] => {
    const value = facts.header(name);
    if (value === undefined) return [];
    return separator === "" ? [value] : value.split(separator);
  };
  if (extractor.element !== undefined) {
    const key = byteText(extractor.element.key ?? "");
    const inner = byteText(extractor.element.separator ?? "");
    return (facts) => {
      // An element without separator is all key, and its value empty.
      const found = elements(facts).find((one) => one === key || one.startsWith(key + inner));
      return found?.slice(key.length + inner.length);
    };
  }
  const index = extractor.index ?? 0;
  if (index > 0 && separator === "") {
    scope
      .field("header_value_extractor")
      .field("index")
      .report("ERR_ROUTER_FIELD_CONFLICT", "expected 0 without element_separator");
  }
  return (facts) => elements(facts)[index];
}
