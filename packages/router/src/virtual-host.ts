import type { VirtualHost } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { ForwardDefaults } from "./action/forward.js";
import { type CorsRule, levelCors } from "./cors.js";
import type { VirtualHostInfo } from "./decision.js";
import type { ClusterSpecifier, NamedConfig } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { compileFilterConfigs, type FilterConfigs } from "./filter-config.js";
import { compileMutation } from "./header/mutation.js";
import type { Level } from "./level.js";
import { compileRouteTree, type RouteTree } from "./match/route-tree.js";
import { compileMirrors, type MirrorRule } from "./mirror.js";
import { compileRateLimits, type RateLimitRule } from "./rate-limit.js";
import { compileRetry } from "./retry/policy.js";
import { CompiledRoute } from "./route.js";
import { RouteIndex } from "./route-index.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";
import { compileVirtualClusters, type VirtualClusters } from "./virtual-cluster.js";

/** What a table gives to its hosts. */
export interface HostDefaults {
  readonly plugins: ReadonlyMap<string, ClusterSpecifier | undefined>;
  readonly maxBodyBytes: number;
  readonly validateClusters: boolean;
}

/** A compiled VirtualHost. */
export class CompiledHost implements Level {
  /** The message. */
  readonly config: VirtualHost;
  readonly info: VirtualHostInfo;
  readonly requireTls: "NONE" | "EXTERNAL_ONLY" | "ALL";
  readonly routes: readonly CompiledRoute[];
  readonly tree: RouteTree | undefined;
  readonly index: RouteIndex;
  readonly request: Level["request"];
  readonly response: Level["response"];
  readonly virtualClusters: VirtualClusters | undefined;
  readonly mirrors: readonly MirrorRule[] | undefined;
  readonly rateLimits: readonly RateLimitRule[] | undefined;
  readonly filterConfigs: FilterConfigs | undefined;
  readonly cors: CorsRule | undefined;

  constructor(config: VirtualHost, where: string, defaults: HostDefaults, scope: Scope, surroundings: Surroundings) {
    this.config = config;
    this.info = { name: config.name ?? "", metadata: config.metadata?.filterMetadata ?? {} };
    if (this.info.name === "") scope.field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a name, got none");
    const tls = config.requireTls ?? "NONE";
    this.requireTls = typeof tls === "number" ? "NONE" : tls;
    const retryScope = scope.field("retry_policy");
    const forward: ForwardDefaults = {
      retry: config.retryPolicy,
      retryRules:
        config.retryPolicy === undefined ? undefined : compileRetry(config.retryPolicy, retryScope, surroundings),
      hedge: config.hedgePolicy,
      plugins: defaults.plugins,
      validateClusters: defaults.validateClusters,
    };
    const routes = config.routes ?? [];
    refuseSpecifiers(config.routeSpecifiers, scope);
    routes.forEach((route, i) => {
      refuseSpecifiers(route.routeSpecifiers, scope.item("routes", i));
    });
    if (config.matcher !== undefined && routes.length > 0) {
      scope.report("ERR_ROUTER_FIELD_CONFLICT", "cannot set both matcher and routes on virtual host");
    }
    this.routes = routes.map(
      (route, i) =>
        new CompiledRoute(route, i, where, forward, defaults.maxBodyBytes, scope.item("routes", i), surroundings),
    );
    this.tree =
      config.matcher === undefined
        ? undefined
        : compileRouteTree(
            config.matcher,
            `${where}.matcher`,
            // Envoy does not look into the actions of a tree.
            { ...forward, validateClusters: false },
            defaults.maxBodyBytes,
            scope.field("matcher"),
            surroundings,
          );
    this.index = new RouteIndex(this.routes, surroundings.patterns);
    this.request = compileMutation(
      config.requestHeadersToAdd,
      config.requestHeadersToRemove,
      "request",
      scope,
      surroundings,
    );
    this.response = compileMutation(
      config.responseHeadersToAdd,
      config.responseHeadersToRemove,
      "response",
      scope,
      surroundings,
    );
    this.virtualClusters = compileVirtualClusters(config.virtualClusters, scope, surroundings);
    this.mirrors = compileMirrors(config.requestMirrorPolicies, scope, surroundings, defaults.validateClusters);
    this.rateLimits = compileRateLimits(config.rateLimits, scope, surroundings);
    this.filterConfigs = compileFilterConfigs(config.typedPerFilterConfig, scope);
    this.cors = levelCors(config.typedPerFilterConfig, config.cors, "cors", scope, surroundings);
  }

  /** Whether the request has to come back over TLS. */
  needsTls(facts: RequestFacts): boolean {
    if (this.requireTls === "NONE") return false;
    if (facts.header("x-forwarded-proto") === "https") return false;
    return this.requireTls === "ALL" || facts.header("x-envoy-internal") !== "true";
  }
}

/** Extensions that would change which route is taken: nobody implements them here, and to pass them over would route wrongly. */
export function refuseSpecifiers(specifiers: readonly NamedConfig[] | undefined, scope: Scope): void {
  specifiers?.forEach((_, i) => {
    scope.item("route_specifiers", i).report("ERR_ROUTER_UNSUPPORTED", "route specifiers are not supported");
  });
}
