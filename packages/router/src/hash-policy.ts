import type { RouteAction_HashPolicy } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "./ascii.js";
import { checkDuration } from "./duration.js";
import type { RequestFacts } from "./facts.js";
import { grpcChannelId } from "./grpc-profile.js";
import { compileCookieMaker } from "./hash-cookie.js";
import { compileRegex, type Regex } from "./regex/patterns.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";
import { xxHash64 } from "./xxhash64.js";

/**
 * Computes a request's hash; `undefined` if no entry of the policy gives one. `set-cookie` fields for cookies that it had to make are
 * added to `cookies`.
 */
export type HashPolicy = (facts: RequestFacts, cookies?: string[]) => bigint | undefined;

interface Entry {
  readonly hash: HashPolicy;
  readonly terminal: boolean;
}

const mask = 0xffffffffffffffffn;

/**
 * Compiles a route's hash policies: entries in order, combined by rotating the old hash and XOR-ing the new one.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-hashpolicy
 */
export function compileHashPolicy(
  policies: readonly RouteAction_HashPolicy[] | undefined,
  scope: Scope,
  surroundings: Surroundings,
): HashPolicy | undefined {
  if (policies === undefined || policies.length === 0) return undefined;
  const entries = policies.map((policy, i): Entry => {
    const where = scope.item("hash_policy", i);
    return { hash: compileEntry(policy, where, surroundings), terminal: policy.terminal === true };
  });
  return (facts, cookies) => {
    let hash: bigint | undefined;
    for (const entry of entries) {
      const one = entry.hash(facts, cookies);
      if (one !== undefined) hash = hash === undefined ? one : (((hash << 1n) | (hash >> 63n)) & mask) ^ one;
      if (entry.terminal && hash !== undefined) break;
    }
    return hash;
  };
}

function compileEntry(policy: RouteAction_HashPolicy, scope: Scope, surroundings: Surroundings): HashPolicy {
  const ofGrpc = policy.header !== undefined || policy.filterState?.key === grpcChannelId;
  if (surroundings.profile === "grpc" && !ofGrpc) return () => undefined;
  if (policy.header !== undefined) {
    const name = asciiLower(byteText(policy.header.headerName ?? ""));
    if (name === "")
      scope.field("header").field("header_name").report("ERR_ROUTER_FIELD_INVALID", "expected a header name, got none");
    const rewrite = policy.header.regexRewrite;
    if (rewrite?.pattern === undefined) return (facts) => hashValues(facts.headerValues(name));
    const where = scope.field("header").field("regex_rewrite").field("pattern");
    const regex: Regex = compileRegex(rewrite.pattern, where, surroundings);
    const substitution = byteText(rewrite.substitution ?? "");
    return (facts) => hashValues(facts.headerValues(name).map((value) => regex.replace(value, substitution)));
  }
  if (policy.cookie !== undefined) {
    const name = byteText(policy.cookie.name ?? "");
    if (name === "")
      scope.field("cookie").field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a cookie name, got none");
    checkDuration(policy.cookie.ttl, scope.field("cookie").field("ttl"));
    const maker = compileCookieMaker(policy.cookie);
    if (maker === undefined) return (facts) => hashText(facts.cookies.get(name));
    return (facts, cookies) => {
      const sent = facts.cookies.get(name) ?? "";
      if (sent !== "") return hashText(sent);
      const made = maker.value(facts.request);
      cookies?.push(maker.field(made));
      return hashText(made);
    };
  }
  if (policy.connectionProperties !== undefined) {
    const sourceIp = policy.connectionProperties.sourceIp === true;
    return (facts) =>
      sourceIp ? hashText(facts.request.remoteAddress ?? facts.request.connection?.sourceAddress) : undefined;
  }
  if (policy.queryParameter !== undefined) {
    const name = byteText(policy.queryParameter.name ?? "");
    if (name === "")
      scope.field("query_parameter").field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a name, got none");
    return (facts) => hashText(facts.query.get(name));
  }
  if (policy.filterState !== undefined) {
    const key = policy.filterState.key ?? "";
    return (facts) => {
      const state = facts.request.filterState;
      return state !== undefined && Object.hasOwn(state, key) ? hashText(state[key]) : undefined;
    };
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a policy specifier, got none");
  return () => undefined;
}

function hashText(text: string | undefined): bigint | undefined {
  return text === undefined || text === "" ? undefined : xxHash64(text);
}

/** Several values are sorted and hashed in turn, each result seeding the next. */
function hashValues(values: readonly string[]): bigint | undefined {
  if (values.length === 0) return undefined;
  if (values.length === 1) return xxHash64(values[0] as string);
  return [...values].sort().reduce((seed, value) => xxHash64(value, seed), 0n);
}
