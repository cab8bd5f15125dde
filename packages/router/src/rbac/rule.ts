import type { Permission, Principal } from "@weftmesh/xds-types/envoy/config/rbac/v3";
import type { MetadataMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { buildExtension, messageOf } from "../extension.js";
import { compileRange, compileRanges, inRange, parseAddress } from "../match/address.js";
import { compileFilterState } from "../match/filter-state.js";
import { compileHeader } from "../match/header.js";
import type { Predicate } from "../match/predicate.js";
import { uriTemplateMatch } from "../match/route-match.js";
import { compileString } from "../match/string.js";
import { compileTemplate } from "../match/template.js";
import { compileMetadata } from "../match/value.js";
import type { Connection } from "../request.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** Metadata of the chosen route, for `sourced_metadata`; absent where RBAC runs without a route. */
export type RouteMetadata = Readonly<Record<string, unknown>>;

/** What RBAC rules read besides the request. */
export interface RbacFacts {
  /** The route's metadata. */
  readonly routeMetadata: RouteMetadata | undefined;
}

/** A compiled permission or principal. */
export type Rule = (facts: Parameters<Predicate>[0], rbac: RbacFacts) => boolean;

const always: Rule = () => true;
const never: Rule = () => false;

type PathMatcher = Permission["urlPath"];

/** Compiles a Permission. */
export function compilePermission(permission: Permission, scope: Scope, surroundings: Surroundings): Rule {
  if (permission.any !== undefined) return permission.any ? always : never;
  if (permission.andRules !== undefined)
    return every(permission.andRules.rules, "and_rules.rules", compilePermission, scope, surroundings);
  if (permission.orRules !== undefined)
    return some(permission.orRules.rules, "or_rules.rules", compilePermission, scope, surroundings);
  if (permission.notRule !== undefined)
    return not(compilePermission(permission.notRule, scope.field("not_rule"), surroundings));
  if (permission.header !== undefined) return compileHeader(permission.header, scope.field("header"), surroundings);
  if (permission.urlPath !== undefined) return urlPath(permission.urlPath, scope.field("url_path"), surroundings);
  if (permission.destinationIp !== undefined) {
    return address(permission.destinationIp, scope.field("destination_ip"), (c) => c.destinationAddress);
  }
  if (permission.destinationPort !== undefined) {
    const port = permission.destinationPort;
    return (facts) => (facts.request.connection?.destinationPort ?? 0) === port;
  }
  if (permission.destinationPortRange !== undefined) {
    const { start = 0, end = 0 } = permission.destinationPortRange;
    return (facts) => {
      const port = facts.request.connection?.destinationPort ?? 0;
      return port >= start && port < end;
    };
  }
  if (permission.metadata !== undefined)
    return metadata(permission.metadata, "DYNAMIC", scope.field("metadata"), surroundings);
  if (permission.sourcedMetadata !== undefined)
    return sourced(permission.sourcedMetadata, scope.field("sourced_metadata"), surroundings);
  if (permission.requestedServerName !== undefined) {
    const test = compileString(permission.requestedServerName, scope.field("requested_server_name"), surroundings);
    if (surroundings.profile === "grpc") return test("") ? always : never;
    return (facts) => test(facts.request.connection?.serverName ?? "");
  }
  if (permission.uriTemplate !== undefined) {
    const where = scope.field("uri_template").field("typed_config");
    const config = messageOf<{ readonly pathTemplate?: string }>(
      permission.uriTemplate.typedConfig,
      uriTemplateMatch,
      where,
    );
    const template =
      config === undefined
        ? undefined
        : compileTemplate(config.pathTemplate ?? "", where.field("path_template"), surroundings);
    return (facts) => facts.request.path !== undefined && template?.regex.test(facts.path) === true;
  }
  if (permission.matcher !== undefined) {
    const built = buildExtension(
      surroundings.extensions.rbacRules,
      permission.matcher.typedConfig,
      scope.field("matcher"),
    );
    return built === undefined ? never : (facts) => built(facts.request);
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a rule, got none");
  return never;
}

/** Compiles a Principal. */
export function compilePrincipal(principal: Principal, scope: Scope, surroundings: Surroundings): Rule {
  if (principal.any !== undefined) return principal.any ? always : never;
  if (principal.andIds !== undefined)
    return every(principal.andIds.ids, "and_ids.ids", compilePrincipal, scope, surroundings);
  if (principal.orIds !== undefined)
    return some(principal.orIds.ids, "or_ids.ids", compilePrincipal, scope, surroundings);
  if (principal.notId !== undefined) return not(compilePrincipal(principal.notId, scope.field("not_id"), surroundings));
  if (principal.authenticated !== undefined) {
    const name = principal.authenticated.principalName;
    if (name === undefined) return (facts) => facts.request.connection?.tls !== undefined;
    const test = compileString(name, scope.field("authenticated").field("principal_name"), surroundings);
    return (facts) => {
      const tls = facts.request.connection?.tls;
      if (tls === undefined) return false;
      return tls.uriSans?.some(test) === true || tls.dnsSans?.some(test) === true || test(tls.subject ?? "");
    };
  }
  if (principal.sourceIp !== undefined)
    return address(principal.sourceIp, scope.field("source_ip"), (c) => c.sourceAddress);
  if (principal.directRemoteIp !== undefined) {
    return address(
      principal.directRemoteIp,
      scope.field("direct_remote_ip"),
      (c) => c.directSourceAddress ?? c.sourceAddress,
    );
  }
  if (principal.remoteIp !== undefined) {
    const range = compileRange(principal.remoteIp, scope.field("remote_ip"));
    return (facts) => {
      const found = parseAddress(facts.request.remoteAddress ?? facts.request.connection?.sourceAddress);
      return range !== undefined && found !== undefined && inRange(found, range);
    };
  }
  if (principal.header !== undefined) return compileHeader(principal.header, scope.field("header"), surroundings);
  if (principal.urlPath !== undefined) return urlPath(principal.urlPath, scope.field("url_path"), surroundings);
  if (principal.metadata !== undefined)
    return metadata(principal.metadata, "DYNAMIC", scope.field("metadata"), surroundings);
  if (principal.sourcedMetadata !== undefined)
    return sourced(principal.sourcedMetadata, scope.field("sourced_metadata"), surroundings);
  if (principal.filterState !== undefined)
    return compileFilterState(principal.filterState, scope.field("filter_state"), surroundings);
  if (principal.custom !== undefined) {
    const built = buildExtension(
      surroundings.extensions.rbacRules,
      principal.custom.typedConfig,
      scope.field("custom"),
    );
    return built === undefined ? never : (facts) => built(facts.request);
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected an identifier, got none");
  return never;
}

type Compile<T> = (one: T, scope: Scope, surroundings: Surroundings) => Rule;

function list<T>(
  items: readonly T[] | undefined,
  field: string,
  compile: Compile<T>,
  scope: Scope,
  surroundings: Surroundings,
): readonly Rule[] {
  if (items === undefined || items.length === 0)
    scope.field(field).report("ERR_ROUTER_FIELD_INVALID", "expected at least one, got none");
  return (items ?? []).map((one, i) => compile(one, scope.item(field, i), surroundings));
}

function every<T>(
  items: readonly T[] | undefined,
  field: string,
  compile: Compile<T>,
  scope: Scope,
  surroundings: Surroundings,
): Rule {
  const rules = list(items, field, compile, scope, surroundings);
  return (facts, rbac) => rules.every((rule) => rule(facts, rbac));
}

function some<T>(
  items: readonly T[] | undefined,
  field: string,
  compile: Compile<T>,
  scope: Scope,
  surroundings: Surroundings,
): Rule {
  const rules = list(items, field, compile, scope, surroundings);
  return (facts, rbac) => rules.some((rule) => rule(facts, rbac));
}

function not(rule: Rule): Rule {
  return (facts, rbac) => !rule(facts, rbac);
}

function address(
  range: Parameters<typeof compileRange>[0],
  scope: Scope,
  read: (connection: Connection) => string | undefined,
): Rule {
  const ranges = compileRanges([range], "", scope);
  return (facts) => facts.request.connection !== undefined && ranges.containsText(read(facts.request.connection));
}

function urlPath(matcher: PathMatcher, scope: Scope, surroundings: Surroundings): Rule {
  if (matcher?.path === undefined) {
    scope.field("path").report("ERR_ROUTER_FIELD_INVALID", "expected a string matcher, got none");
    return never;
  }
  const test = compileString(matcher.path, scope.field("path"), surroundings);
  return (facts) => facts.request.path !== undefined && test(facts.path);
}

function metadata(
  matcher: MetadataMatcher,
  source: "DYNAMIC" | "ROUTE",
  scope: Scope,
  surroundings: Surroundings,
): Rule {
  // gRPC has no metadata: the matcher never holds, and always does when inverted (gRFC A41).
  if (surroundings.profile === "grpc") return matcher.invert === true ? always : never;
  const test = compileMetadata(matcher, scope, surroundings);
  return source === "ROUTE" ? (_, rbac) => test(rbac.routeMetadata) : (facts) => test(facts.request.metadata);
}

function sourced(matcher: NonNullable<Permission["sourcedMetadata"]>, scope: Scope, surroundings: Surroundings): Rule {
  if (matcher.metadataMatcher === undefined) {
    scope.field("metadata_matcher").report("ERR_ROUTER_FIELD_INVALID", "expected a matcher, got none");
    return never;
  }
  const source = matcher.metadataSource === "ROUTE" || matcher.metadataSource === 1 ? "ROUTE" : "DYNAMIC";
  return metadata(matcher.metadataMatcher, source, scope.field("metadata_matcher"), surroundings);
}
