import type { RouteAction, WeightedCluster } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "../ascii.js";
import { type CorsRule, levelCors } from "../cors.js";
import { buildExtension, type ClusterSpecifier, typeName } from "../extension.js";
import type { RequestFacts } from "../facts.js";
import { compileFilterConfigs, type FilterConfigs } from "../filter-config.js";
import type { HashPolicy } from "../hash-policy.js";
import { compileMutation, type HeaderMutation } from "../header/mutation.js";
import { runtimeInteger } from "../match/fraction.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileClusterMatcher, matcherSpecifier } from "./cluster-matcher.js";

/** A weighted entry's own additions to its route. */
export interface WeightedEntry {
  readonly name: string;
  readonly clusterHeader: string;
  readonly weight: number;
  readonly requestMutation: HeaderMutation | undefined;
  readonly responseMutation: HeaderMutation | undefined;
  readonly hostRewrite: string;
  readonly metadataMatch: Readonly<Record<string, unknown>> | undefined;
  readonly filterConfigs: FilterConfigs | undefined;
  readonly cors: CorsRule | undefined;
}

/** The chosen cluster. An empty name is a cluster that does not exist. */
export interface ClusterChoice {
  readonly cluster: string;
  readonly entry: WeightedEntry | undefined;
}

/** Chooses a cluster; `undefined` is no route at all. Most routes have one cluster, and then no function: tables hold many. */
export type ClusterChooser = ClusterChoice | ((facts: RequestFacts) => ClusterChoice | undefined);

/** The cluster for a request. */
export function chooseCluster(chooser: ClusterChooser, facts: RequestFacts): ClusterChoice | undefined {
  return typeof chooser === "function" ? chooser(facts) : chooser;
}

/** Compiles the cluster specifier of a route action. */
export function compileCluster(
  action: RouteAction,
  plugins: ReadonlyMap<string, ClusterSpecifier | undefined>,
  hash: HashPolicy | undefined,
  scope: Scope,
  surroundings: Surroundings,
): ClusterChooser {
  if (action.cluster !== undefined && action.cluster !== "") {
    return { cluster: byteText(action.cluster), entry: undefined };
  }
  if (action.clusterHeader !== undefined) {
    const name = asciiLower(byteText(action.clusterHeader));
    return (facts) => ({ cluster: facts.header(name) ?? "", entry: undefined });
  }
  if (action.weightedClusters !== undefined) {
    return compileWeighted(action.weightedClusters, hash, scope.field("weighted_clusters"), surroundings);
  }
  if (action.clusterSpecifierPlugin !== undefined) {
    const name = action.clusterSpecifierPlugin;
    if (!plugins.has(name)) {
      scope
        .field("cluster_specifier_plugin")
        .report(
          "ERR_ROUTER_EXTENSION_UNKNOWN",
          `expected the name of a cluster_specifier_plugins entry, got ${JSON.stringify(name)}`,
        );
    }
    return byPlugin(plugins.get(name));
  }
  if (action.inlineClusterSpecifierPlugin !== undefined) {
    const inline = action.inlineClusterSpecifierPlugin;
    const where = scope.field("inline_cluster_specifier_plugin").field("extension");
    return byPlugin(compilePlugin(inline.extension?.typedConfig, inline.isOptional === true, where, surroundings));
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a cluster specifier, got none");
  return () => undefined;
}

/** Builds a cluster specifier plugin; an optional one that nobody implements chooses nothing. */
export function compilePlugin(
  config: Parameters<typeof buildExtension>[1],
  optional: boolean,
  scope: Scope,
  surroundings: Surroundings,
): ClusterSpecifier | undefined {
  const factories = surroundings.extensions.clusterSpecifiers;
  if (typeName(config) === matcherSpecifier && !Object.hasOwn(factories, matcherSpecifier))
    return compileClusterMatcher(config, scope, surroundings);
  if (optional && !Object.hasOwn(factories, typeName(config))) return undefined;
  return buildExtension(factories, config, scope);
}

function byPlugin(plugin: ClusterSpecifier | undefined): ClusterChooser {
  return (facts) => {
    const cluster = plugin?.(facts);
    return cluster === undefined ? undefined : { cluster, entry: undefined };
  };
}

const maxTotal = 4_294_967_295;

function compileWeighted(
  weighted: WeightedCluster,
  hash: HashPolicy | undefined,
  scope: Scope,
  surroundings: Surroundings,
): ClusterChooser {
  const entries = (weighted.clusters ?? []).map((cluster, i): WeightedEntry => {
    const where = scope.item("clusters", i);
    const named = cluster.name !== undefined && cluster.name !== "";
    const byHeader = cluster.clusterHeader !== undefined && cluster.clusterHeader !== "";
    if (named && byHeader)
      where.report("ERR_ROUTER_FIELD_CONFLICT", "expected only one of name and cluster_header, got both");
    if (!named && !byHeader) where.report("ERR_ROUTER_FIELD_INVALID", "expected name or cluster_header, got neither");
    if (cluster.weight === undefined)
      where.field("weight").report("ERR_ROUTER_FIELD_INVALID", "expected a weight, got none");
    return {
      name: byteText(cluster.name ?? ""),
      clusterHeader: asciiLower(byteText(cluster.clusterHeader ?? "")),
      weight: cluster.weight ?? 0,
      requestMutation: compileMutation(
        cluster.requestHeadersToAdd,
        cluster.requestHeadersToRemove,
        "request",
        where,
        surroundings,
      ),
      responseMutation: compileMutation(
        cluster.responseHeadersToAdd,
        cluster.responseHeadersToRemove,
        "response",
        where,
        surroundings,
      ),
      hostRewrite: byteText(cluster.hostRewriteLiteral ?? ""),
      metadataMatch: cluster.metadataMatch?.filterMetadata?.["envoy.lb"] as Record<string, unknown> | undefined,
      filterConfigs: compileFilterConfigs(cluster.typedPerFilterConfig, where),
      cors: levelCors(cluster.typedPerFilterConfig, undefined, "", where, surroundings),
    };
  });
  const total = entries.reduce((sum, entry) => sum + entry.weight, 0);
  if (entries.length === 0)
    scope.field("clusters").report("ERR_ROUTER_FIELD_INVALID", "expected at least one cluster, got none");
  else if (total === 0) scope.report("ERR_ROUTER_FIELD_INVALID", "expected weights that sum to at least 1, got 0");
  if (total > maxTotal)
    scope.report("ERR_ROUTER_FIELD_INVALID", `expected weights that sum to at most ${maxTotal}, got ${total}`);
  const prefix = weighted.runtimeKeyPrefix ?? "";
  const choose = selector(weighted, hash);
  const choices = entries.map((entry) => ({ cluster: entry.name, entry }));
  return (facts) => {
    let weights: readonly number[] | undefined;
    let sum = total;
    if (prefix !== "") {
      weights = entries.map((entry) => runtimeInteger(surroundings.runtime, `${prefix}.${entry.name}`) ?? entry.weight);
      sum = weights.reduce((a, b) => a + b, 0);
    }
    if (sum === 0 || sum > maxTotal) return undefined;
    const value = choose(facts, sum);
    let end = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as WeightedEntry;
      end += weights?.[i] ?? entry.weight;
      if (value >= end) continue;
      if (entry.clusterHeader === "") return choices[i];
      return { cluster: facts.header(entry.clusterHeader) ?? "", entry };
    }
    return undefined;
  };
}

const unsigned64 = /^[ \t\n\v\f\r]*\+?(\d{1,20})[ \t\n\v\f\r]*$/;
const greatest64 = 2n ** 64n - 1n;

/** Where in `[0, total)` a request falls: by header, by hash, or by chance. */
function selector(
  weighted: WeightedCluster,
  hash: HashPolicy | undefined,
): (facts: RequestFacts, total: number) => number {
  const header = weighted.headerName === undefined ? "" : asciiLower(byteText(weighted.headerName));
  const useHash = weighted.useHashPolicy === true;
  return (facts, total) => {
    if (header !== "") {
      const values = facts.headerValues(header);
      const found = values.length === 1 ? unsigned64.exec(values[0] as string) : null;
      const number = found === null ? undefined : BigInt(found[1] as string);
      if (number !== undefined && number <= greatest64) return Number(number % BigInt(total));
    }
    const hashed = useHash ? hash?.(facts) : undefined;
    return hashed === undefined ? facts.random % total : Number(hashed % BigInt(total));
  };
}
