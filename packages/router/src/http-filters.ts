import type { HttpFilter } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import type { Decision, LocalReply } from "./decision.js";
import { messageOf, type TypedConfig, typeName } from "./extension.js";
import { compileRbac, type Rbac } from "./rbac.js";
import type { RouteRequest } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import type { SurroundingsOptions } from "./surroundings.js";

/** The filters of an HTTP connection manager that decide about a request. */
export interface HttpFilters {
  /**
   * Runs the filters in order, each with the configuration that the chosen route gives it. Never throws.
   *
   * @returns the answer of the first filter that refuses; `undefined` lets the request through to what was decided.
   */
  refuse(request: RouteRequest, decision: Decision): HttpRefusal | undefined;
}

/** A filter's refusal. */
export interface HttpRefusal {
  /** The filter's instance name. */
  readonly filter: string;
  /** The complete answer, with the response mutations of the route. */
  readonly reply: LocalReply;
}

/** Options of {@link compileHttpFilters}. */
export interface HttpFiltersOptions extends SurroundingsOptions {
  /** Where `http_filters` stands in the user's input. Default: `http_filters`. */
  readonly path?: string | undefined;
}

interface RbacFilter {
  readonly name: string;
  readonly disabled: boolean;
  readonly rbac: Rbac;
}

const routerType = "envoy.extensions.filters.http.router.v3.Router";
const rbacType = "envoy.extensions.filters.http.rbac.v3.RBAC";
const hcmType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/**
 * Compiles `http_filters`: RBAC with its per-route configuration, and the router, which has to be the last. Any other
 * filter is refused rather than passed over.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/rbac_filter#per-route-configuration
 */
export function compileHttpFilters(
  unchecked: readonly HttpFilter[] | undefined,
  options: HttpFiltersOptions = {},
): HttpFilters {
  const path = options.path ?? "http_filters";
  const scope = Scope.root(path.replace(/\.?http_filters$/, ""));
  const { httpFilters = [] } = checkShape({ httpFilters: unchecked ?? [] }, hcmType, scope);
  const last = httpFilters.length - 1;
  const filters: RbacFilter[] = [];
  for (const [index, filter] of httpFilters.entries()) {
    const where = scope.item("http_filters", index).field("typed_config");
    const config = filter.typedConfig as TypedConfig | undefined;
    const type = typeName(config);
    if (type === routerType && index === last) continue;
    const message = messageOf<Parameters<typeof compileRbac>[0]>(config, rbacType, where);
    if (message !== undefined) {
      const rbac = compileRbac(message, { ...options, path: where.path });
      filters.push({ name: filter.name ?? "", disabled: filter.disabled === true, rbac });
    } else if (type !== rbacType) {
      where.report(
        "ERR_ROUTER_UNSUPPORTED",
        `expected an RBAC filter or, at the end, the router; found ${type || "nothing"}`,
      );
    }
  }
  if (typeName(httpFilters[last]?.typedConfig as TypedConfig | undefined) !== routerType) {
    scope.field("http_filters").report("ERR_ROUTER_FIELD_INVALID", "the last filter has to be the router");
  }
  scope.throwIfRefused();
  return new Filters(filters, options);
}

class Filters implements HttpFilters {
  readonly #filters: readonly RbacFilter[];
  readonly #options: SurroundingsOptions;
  /** By the message of a route, which lives as long as its table. Nothing stands for rules that cannot be compiled. */
  readonly #perRoute = new WeakMap<object, { readonly rbac?: Rbac }>();

  constructor(filters: readonly RbacFilter[], options: SurroundingsOptions) {
    this.#filters = filters;
    this.#options = options;
  }

  refuse(request: RouteRequest, decision: Decision): HttpRefusal | undefined {
    for (const filter of this.#filters) {
      if (this.#allows(filter, request, decision)) continue;
      const refusal = { status: 403, body: "RBAC: access denied", details: "rbac_access_denied" };
      return { filter: filter.name, reply: decision.refuse(refusal) };
    }
    return undefined;
  }

  #allows(filter: RbacFilter, request: RouteRequest, decision: Decision): boolean {
    const view = decision.kind === "no-route" ? undefined : decision.filterConfig(filter.name);
    if (view === undefined ? filter.disabled : view.disabled) return true;
    const metadata = decision.kind === "no-route" ? undefined : decision.route?.metadata;
    const own = view?.config;
    if (typeof own !== "object" || own === null) return filter.rbac.decide(request, metadata).allowed;
    const { rbac } = this.#compiled(own);
    // Rules that cannot be read let nobody in.
    return rbac?.decide(request, metadata).allowed ?? false;
  }

  #compiled(config: object): { readonly rbac?: Rbac } {
    const known = this.#perRoute.get(config);
    if (known !== undefined) return known;
    let made: { readonly rbac?: Rbac };
    try {
      // Without rules of its own a route switches the filter off; bytes could hold any.
      if ("typeUrl" in config) made = {};
      else made = { rbac: compileRbac((config as { readonly rbac?: object }).rbac ?? {}, this.#options) };
    } catch {
      made = {};
    }
    this.#perRoute.set(config, made);
    return made;
  }
}
