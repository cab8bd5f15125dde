import type { HedgePolicy, RetryPolicy, RouteAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower } from "../ascii.js";
import type { ClusterSpecifier } from "../extension.js";
import { compileHashPolicy, type HashPolicy } from "../hash-policy.js";
import { compileInternalRedirect, type InternalRedirectRule } from "../internal-redirect.js";
import type { PathTest } from "../match/path.js";
import { compileMirrors, type MirrorRule } from "../mirror.js";
import { compileRateLimits, type RateLimitRule } from "../rate-limit.js";
import { compileRetry, noRetries, type RetryRules } from "../retry/policy.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileTimeouts, type TimeoutPolicy } from "../timeouts.js";
import { type ClusterChooser, compileCluster } from "./cluster.js";
import { compileHostRewrite, compilePathRewrite, type HostRewrite, type PathRewrite } from "./rewrite.js";

/** A compiled RouteAction. */
export interface ForwardRule {
  readonly kind: "forward";
  /** The configuration, for what is only passed on. */
  readonly action: RouteAction;
  readonly choose: ClusterChooser;
  readonly notFoundStatus: number;
  readonly pathRewrite: PathRewrite | undefined;
  readonly hostRewrite: HostRewrite | undefined;
  readonly timeouts: TimeoutPolicy;
  readonly retry: RetryRules;
  readonly hedgeOnPerTryTimeout: boolean;
  readonly hash: HashPolicy | undefined;
  readonly mirrors: readonly MirrorRule[] | undefined;
  readonly rateLimits: readonly RateLimitRule[] | undefined;
  readonly upgrades: ReadonlyMap<string, boolean> | undefined;
  readonly internalRedirect: InternalRedirectRule | undefined;
}

/** What a host gives to the actions of its routes. */
export interface ForwardDefaults {
  readonly retry: RetryPolicy | undefined;
  readonly retryRules: RetryRules | undefined;
  readonly hedge: HedgePolicy | undefined;
  readonly plugins: ReadonlyMap<string, ClusterSpecifier | undefined>;
  /** Whether cluster names are checked against the known ones. */
  readonly validateClusters: boolean;
}

const notFoundStatuses: Readonly<Record<string, number>> = {
  SERVICE_UNAVAILABLE: 503,
  NOT_FOUND: 404,
  INTERNAL_SERVER_ERROR: 500,
};

/** Compiles a RouteAction. */
export function compileForward(
  action: RouteAction,
  match: PathTest,
  defaults: ForwardDefaults,
  scope: Scope,
  surroundings: Surroundings,
): ForwardRule {
  const hash = compileHashPolicy(action.hashPolicy, scope, surroundings);
  if (defaults.validateClusters) checkClusters(action, scope, surroundings);
  const code = action.clusterNotFoundResponseCode ?? "SERVICE_UNAVAILABLE";
  return {
    kind: "forward",
    action,
    choose: compileCluster(action, defaults.plugins, hash, scope, surroundings),
    notFoundStatus: (typeof code === "number" ? [503, 404, 500][code] : notFoundStatuses[code]) ?? 503,
    pathRewrite: compilePathRewrite(action, match, scope, surroundings),
    hostRewrite: compileHostRewrite(action, scope, surroundings),
    timeouts: compileTimeouts(action, action.retryPolicy ?? defaults.retry, scope, surroundings.profile),
    retry:
      action.retryPolicy === undefined
        ? (defaults.retryRules ?? noRetries)
        : compileRetry(action.retryPolicy, scope.field("retry_policy"), surroundings),
    hedgeOnPerTryTimeout: (action.hedgePolicy ?? defaults.hedge)?.hedgeOnPerTryTimeout === true,
    hash,
    mirrors: compileMirrors(action.requestMirrorPolicies, scope, surroundings, defaults.validateClusters),
    rateLimits: compileRateLimits(action.rateLimits, scope, surroundings),
    upgrades: compileUpgrades(action, scope),
    internalRedirect: compileInternalRedirect(action, scope),
  };
}

/** With `validate_clusters`, every cluster that a route names must exist; names out of headers are not known yet. */
function checkClusters(action: RouteAction, scope: Scope, surroundings: Surroundings): void {
  const known = surroundings.clusters;
  if (known === undefined) return;
  if (action.cluster !== undefined && action.cluster !== "" && !known.has(action.cluster)) {
    scope.field("cluster").report("ERR_ROUTER_CLUSTER_UNKNOWN", `unknown cluster ${JSON.stringify(action.cluster)}`);
  }
  action.weightedClusters?.clusters?.forEach((cluster, i) => {
    if (cluster.name === undefined || cluster.name === "" || known.has(cluster.name)) return;
    scope
      .field("weighted_clusters")
      .item("clusters", i)
      .field("name")
      .report("ERR_ROUTER_CLUSTER_UNKNOWN", `unknown weighted cluster ${JSON.stringify(cluster.name)}`);
  });
}

function compileUpgrades(action: RouteAction, scope: Scope): ReadonlyMap<string, boolean> | undefined {
  if (action.upgradeConfigs === undefined || action.upgradeConfigs.length === 0) return undefined;
  const upgrades = new Map<string, boolean>();
  action.upgradeConfigs.forEach((config, i) => {
    const where = scope.item("upgrade_configs", i);
    const type = asciiLower(config.upgradeType ?? "");
    if (upgrades.has(type)) {
      where.report("ERR_ROUTER_FIELD_CONFLICT", `duplicate upgrade ${JSON.stringify(config.upgradeType ?? "")}`);
    }
    if (config.connectConfig !== undefined && type !== "connect" && type !== "connect-udp") {
      where
        .field("connect_config")
        .report(
          "ERR_ROUTER_FIELD_CONFLICT",
          `belongs to CONNECT or connect-udp, got ${JSON.stringify(config.upgradeType ?? "")}`,
        );
    }
    upgrades.set(type, config.enabled ?? true);
  });
  return upgrades;
}
