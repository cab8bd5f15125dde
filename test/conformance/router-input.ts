/** Reads what the router's suites hold as a user's file is read: structure and rules are `xds-types`' check. */
import { parseResources } from "@weftmesh/xds-types";
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RBAC } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import type { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";

/**
 * Reads one message out of YAML or JSON text.
 *
 * @throws Error with every problem, one a line.
 */
export function readMessage(text: string, type: string): unknown {
  const { resources, issues } = parseResources(text, { type });
  const errors = issues.filter((issue) => issue.severity !== "warning");
  if (errors.length > 0)
    throw new Error(errors.map((issue) => `${issue.path}: ${issue.message} (${issue.code})`).join("\n"));
  const [resource] = resources;
  if (resource === undefined) throw new Error(`no ${type} found`);
  return resource.message;
}

const namespace = "envoy.extensions.filters";

/** Reads a RouteConfiguration. */
export function readRouteConfiguration(config: unknown): RouteConfiguration {
  return readMessage(JSON.stringify(config), "envoy.config.route.v3.RouteConfiguration") as RouteConfiguration;
}

/** Reads fields of an HttpConnectionManager; what Envoy demands besides is filled in. */
export function readConnectionManager(fields: object): HttpConnectionManager {
  const config = { stat_prefix: "test", route_config: {}, ...fields };
  const type = `${namespace}.network.http_connection_manager.v3.HttpConnectionManager`;
  return readMessage(JSON.stringify(config), type) as HttpConnectionManager;
}

/** Reads a Listener. */
export function readListener(config: unknown): Listener {
  return readMessage(JSON.stringify(config), "envoy.config.listener.v3.Listener") as Listener;
}

/** Reads the configuration of the HTTP RBAC filter. */
export function readRbac(config: unknown): RBAC {
  return readMessage(JSON.stringify(config), `${namespace}.http.rbac.v3.RBAC`) as RBAC;
}
