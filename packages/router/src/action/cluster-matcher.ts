import type { Matcher } from "@weftmesh/xds-types/xds/type/matcher/v3";
import { byteText } from "../ascii.js";
import { type ClusterSpecifier, messageOf, type TypedConfig, typeName, unknownExtension } from "../extension.js";
import type { RequestFacts } from "../facts.js";
import { compileHttpInput } from "../match/http-input.js";
import { compileTree } from "../match/tree.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** Type of the built-in cluster specifier. */
export const matcherSpecifier = "envoy.extensions.router.cluster_specifiers.matcher.v3.MatcherClusterSpecifier";

const clusterAction = "envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction";

/**
 * Compiles the cluster specifier that asks a matcher tree. Where the tree has no answer the cluster's name is empty, and the request
 * ends as one for a cluster that does not exist.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/cluster_specifier/matcher
 */
export function compileClusterMatcher(
  config: TypedConfig | undefined,
  scope: Scope,
  surroundings: Surroundings,
): ClusterSpecifier | undefined {
  const where = scope.field("typed_config");
  const message = messageOf<{ readonly clusterMatcher?: Matcher }>(config, matcherSpecifier, where);
  if (message?.clusterMatcher === undefined) {
    if (message !== undefined)
      where.field("cluster_matcher").report("ERR_ROUTER_FIELD_INVALID", "expected a matcher, got none");
    return undefined;
  }
  const unknown = (type: string, at: Scope): undefined => unknownExtension(type, at) as undefined;
  const tree = compileTree<RequestFacts, string>(
    message.clusterMatcher,
    {
      input(input, at) {
        return compileHttpInput(input, at) ?? unknown(typeName(input.typedConfig), at) ?? (() => undefined);
      },
      action(action, at) {
        const found = messageOf<{ readonly cluster?: string }>(action.typedConfig, clusterAction, at);
        if (typeName(action.typedConfig) !== clusterAction) return unknown(typeName(action.typedConfig), at);
        if (found?.cluster === "") at.field("cluster").report("ERR_ROUTER_FIELD_INVALID", "expected a name, got none");
        return byteText(found?.cluster ?? "");
      },
      keepMatching: false,
      surroundings,
    },
    where.field("cluster_matcher"),
  );
  return (facts) => tree(facts) ?? "";
}
