/** The compilers with the package's own RE2 at hand: what `@weftmesh/router` exports. */
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { HTTPFault } from "@weftmesh/xds-types/envoy/extensions/filters/http/fault/v3";
import type { RBAC as HttpRbac } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import type {
  HttpConnectionManager,
  HttpFilter,
} from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import type { RBAC as NetworkRbac } from "@weftmesh/xds-types/envoy/extensions/filters/network/rbac/v3";
import * as manager from "./connection-manager.js";
import * as fault from "./fault.js";
import * as chains from "./filter-chain.js";
import * as filters from "./http-filters.js";
import * as rbac from "./rbac.js";
import { patterns } from "./regex/library.js";
import type { PatternLibrary } from "./regex/patterns.js";
import * as table from "./route-table.js";
import type { SurroundingsOptions } from "./surroundings.js";

function complete<T extends { readonly patterns?: PatternLibrary | undefined }>(options: T): T {
  return { ...options, patterns: options.patterns ?? patterns };
}

/**
 * Compiles a RouteConfiguration.
 *
 * @param config - The message, as `@weftmesh/xds-types` reads it. Anything else is refused with its path.
 * @throws {@link RouterError} with every problem found.
 */
export function compileRoutes(config: RouteConfiguration, options: table.RouteOptions = {}): table.RouteTable {
  return table.compileRoutes(config, complete(options));
}

/**
 * Compiles the filter chains of a Listener.
 *
 * @throws {@link RouterError} with every problem found: the same and overlapping criteria, partial wildcards, bad addresses.
 */
export function compileListener(listener: Listener, options: chains.ListenerOptions = {}): chains.FilterChains {
  return chains.compileListener(listener, complete(options));
}

/**
 * Compiles the configuration of Envoy's RBAC filter, the HTTP or the network one.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/rbac_filter
 */
export function compileRbac(config: HttpRbac | NetworkRbac, options: rbac.RbacOptions = {}): rbac.Rbac {
  return rbac.compileRbac(config, complete(options));
}

/**
 * Compiles the fault filter's configuration: its own or a route's.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/fault_filter
 */
export function compileFault(
  config: HTTPFault,
  options: SurroundingsOptions & { readonly path?: string } = {},
): fault.Fault {
  return fault.compileFault(config, complete(options));
}

/**
 * Compiles the steps of an HttpConnectionManager that stand around routing.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/header_sanitizing
 */
export function compileConnectionManager(
  config: HttpConnectionManager,
  options: manager.ConnectionManagerOptions = {},
): manager.ConnectionManager {
  return manager.compileConnectionManager(config, complete(options));
}

/**
 * Compiles `http_filters`: RBAC with its per-route configuration, and the router, which has to be the last. Any other
 * filter is refused rather than passed over.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/rbac_filter#per-route-configuration
 */
export function compileHttpFilters(
  config: readonly HttpFilter[] | undefined,
  options: filters.HttpFiltersOptions = {},
): filters.HttpFilters {
  return filters.compileHttpFilters(config, complete(options));
}
