import type { RouteAction_RequestMirrorPolicy } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "./ascii.js";
import type { Mirror, UpstreamRequest } from "./decision.js";
import { withoutPort } from "./domain-index.js";
import type { RequestFacts } from "./facts.js";
import type { FormatInput } from "./format/values.js";
import { HeaderFields } from "./header/fields.js";
import { applyMutation, type HeaderMutation } from "./header/mutation.js";
import { compileHeaderMutations } from "./header/rules.js";
import { compileFraction, type FractionTest } from "./match/fraction.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** A compiled RequestMirrorPolicy. */
export interface MirrorRule {
  readonly cluster: string;
  readonly clusterHeader: string;
  readonly enabled: FractionTest;
  readonly traceSampled: boolean | undefined;
  readonly keepHost: boolean;
  readonly hostLiteral: string;
  readonly mutation: readonly HeaderMutation[];
}

/** Compiles the mirror policies of one level; an empty list counts as none. */
export function compileMirrors(
  policies: readonly RouteAction_RequestMirrorPolicy[] | undefined,
  scope: Scope,
  surroundings: Surroundings,
  validate: boolean,
): readonly MirrorRule[] | undefined {
  if (policies === undefined || policies.length === 0) return undefined;
  return policies.map((policy, i) =>
    compileMirror(policy, scope.item("request_mirror_policies", i), surroundings, validate),
  );
}

function compileMirror(
  policy: RouteAction_RequestMirrorPolicy,
  scope: Scope,
  surroundings: Surroundings,
  validate: boolean,
): MirrorRule {
  const cluster = policy.cluster ?? "";
  const header = policy.clusterHeader ?? "";
  if (cluster !== "" && header !== "") {
    scope.report("ERR_ROUTER_FIELD_CONFLICT", "expected only one of cluster and cluster_header, got both");
  }
  if (cluster === "" && header === "") {
    scope.report("ERR_ROUTER_FIELD_INVALID", "expected cluster or cluster_header, got neither");
  }
  if (validate && cluster !== "" && surroundings.clusters?.has(cluster) === false) {
    scope.field("cluster").report("ERR_ROUTER_CLUSTER_UNKNOWN", `unknown shadow cluster ${JSON.stringify(cluster)}`);
  }
  return {
    cluster: byteText(cluster),
    clusterHeader: asciiLower(byteText(header)),
    enabled:
      policy.runtimeFraction === undefined
        ? () => true
        : compileFraction(policy.runtimeFraction, scope.field("runtime_fraction"), surroundings),
    traceSampled: policy.traceSampled,
    keepHost: policy.disableShadowHostSuffixAppend === true,
    hostLiteral: byteText(policy.hostRewriteLiteral ?? ""),
    mutation: compileHeaderMutations(
      policy.requestHeadersMutations ?? [],
      "request_headers_mutations",
      scope,
      surroundings,
    ),
  };
}

/** The copies of one request that its mirror policies send. */
export function mirrorsOf(
  rules: readonly MirrorRule[],
  facts: RequestFacts,
  upstream: UpstreamRequest,
  input: FormatInput,
): readonly Mirror[] {
  if (facts.request.method === "CONNECT") return [];
  const out: Mirror[] = [];
  for (const rule of rules) {
    if (!rule.enabled(facts.random)) continue;
    const cluster = rule.clusterHeader === "" ? rule.cluster : facts.header(rule.clusterHeader);
    if (cluster === undefined || cluster === "") continue;
    const fields = new HeaderFields("request", upstream.headers);
    for (const mutation of rule.mutation) applyMutation(mutation, fields, input);
    const authority =
      rule.hostLiteral !== "" ? rule.hostLiteral : rule.keepHost ? upstream.authority : shadowHost(upstream.authority);
    const request = { ...upstream, authority, headers: fields.toList() };
    out.push(
      rule.traceSampled === undefined ? { cluster, request } : { cluster, request, traceSampled: rule.traceSampled },
    );
  }
  return out;
}

/** Puts `-shadow` behind the host name, before what would be its port. */
function shadowHost(authority: string): string {
  const host = withoutPort(authority);
  return `${host}-shadow${authority.slice(host.length)}`;
}
