import type { CorsPolicy as RouteCorsPolicy } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { CorsPolicy } from "@weftmesh/xds-types/envoy/extensions/filters/http/cors/v3";
import { byteText } from "./ascii.js";
import type { CorsVerdict, LocalReply } from "./decision.js";
import type { TypedConfig } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { configOfType } from "./filter-config.js";
import { HeaderFields } from "./header/fields.js";
import { compileFraction, type FractionTest } from "./match/fraction.js";
import { compileString, type StringTest } from "./match/string.js";
import type { HeaderList } from "./request.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** One level's CORS policy. */
export interface CorsRule {
  readonly origins: readonly StringTest[] | undefined;
  readonly methods: string;
  readonly headers: string;
  readonly expose: string;
  readonly maxAge: string;
  readonly credentials: boolean | undefined;
  readonly privateNetwork: boolean | undefined;
  readonly forwardNotMatching: boolean | undefined;
  readonly enabled: FractionTest;
  readonly shadow: FractionTest;
}

/** Compiles a CORS policy: the filter's, or the deprecated one of a route or host. */
export function compileCors(policy: CorsPolicy | RouteCorsPolicy, scope: Scope, surroundings: Surroundings): CorsRule {
  const origins = policy.allowOriginStringMatch?.map((one, i) =>
    compileString(one, scope.item("allow_origin_string_match", i), surroundings),
  );
  const fraction = (field: "filterEnabled" | "shadowEnabled", snake: string, absent: boolean): FractionTest => {
    const value = policy[field];
    return value === undefined ? () => absent : compileFraction(value, scope.field(snake), surroundings);
  };
  return {
    origins: origins === undefined || origins.length === 0 ? undefined : origins,
    methods: byteText(policy.allowMethods ?? ""),
    headers: byteText(policy.allowHeaders ?? ""),
    expose: byteText(policy.exposeHeaders ?? ""),
    maxAge: byteText(policy.maxAge ?? ""),
    credentials: policy.allowCredentials,
    privateNetwork: policy.allowPrivateNetworkAccess,
    forwardNotMatching: policy.forwardNotMatchingPreflights,
    enabled: fraction("filterEnabled", "filter_enabled", true),
    shadow: fraction("shadowEnabled", "shadow_enabled", false),
  };
}

const corsType = "envoy.extensions.filters.http.cors.v3.CorsPolicy";

/** The policy of one level: the filter's configuration there, else the deprecated field. */
export function levelCors(
  configs: Readonly<Record<string, TypedConfig>> | undefined,
  deprecated: RouteCorsPolicy | undefined,
  field: string,
  scope: Scope,
  surroundings: Surroundings,
): CorsRule | undefined {
  const found = configOfType<CorsPolicy>(configs, corsType);
  if (found !== undefined)
    return compileCors(found.message, scope.entry("typed_per_filter_config", found.name), surroundings);
  return deprecated === undefined ? undefined : compileCors(deprecated, scope.field(field), surroundings);
}

/** The first level that sets a property. */
function first<K extends keyof CorsRule>(levels: readonly CorsRule[], key: K): CorsRule[K] | undefined {
  for (const level of levels) {
    const value = level[key];
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

/**
 * What CORS says about a request that is going to be forwarded.
 *
 * @param levels - Policies from the most to the least specific level that has one.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/cors_filter
 */
export function judgeCors(levels: readonly CorsRule[], facts: RequestFacts): CorsVerdict {
  const none: CorsVerdict = { kind: "none" };
  const [nearest] = levels;
  const origin = facts.header("origin");
  if (nearest === undefined || origin === undefined || origin === "") return none;
  // Whether the policy is in force is the nearest level's affair alone.
  const enabled = nearest.enabled(facts.random);
  if (!enabled && !nearest.shadow(facts.random)) return none;
  const allowed = first(levels, "origins")?.some((test) => test("*") || test(origin)) === true;
  if (!enabled) return none;
  const method = facts.header("access-control-request-method");
  const isPreflight = facts.request.method === "OPTIONS" && method !== undefined && method !== "";
  if (!isPreflight) return allowed ? { kind: "actual", headers: actualFields(levels, origin) } : none;
  if (!allowed && (first(levels, "forwardNotMatching") ?? true)) return none;
  const fields = preflightFields(levels, allowed ? origin : undefined, method, facts);
  return { kind: "preflight", reply: okReply(fields) };
}

function okReply(headers: HeaderList): LocalReply {
  return { status: 200, headers, body: "", original: { status: 200, headers, body: "" } };
}

function preflightFields(
  levels: readonly CorsRule[],
  origin: string | undefined,
  method: string,
  facts: RequestFacts,
): readonly string[] {
  const fields = new HeaderFields("response");
  if (origin !== undefined) fields.put("access-control-allow-origin", origin);
  if (first(levels, "credentials") === true) fields.put("access-control-allow-credentials", "true");
  const methods = first(levels, "methods");
  if (methods !== undefined) fields.put("access-control-allow-methods", methods === "*" ? method : methods);
  const headers = first(levels, "headers");
  const asked = facts.header("access-control-request-headers");
  if (headers !== undefined) fields.put("access-control-allow-headers", headers === "*" ? (asked ?? "") : headers);
  const maxAge = first(levels, "maxAge");
  if (maxAge !== undefined) fields.put("access-control-max-age", maxAge);
  const asksPrivate = facts.header("access-control-request-private-network") === "true";
  if (asksPrivate && first(levels, "privateNetwork") === true)
    fields.put("access-control-allow-private-network", "true");
  const expose = first(levels, "expose");
  if (origin !== undefined && expose !== undefined) fields.put("access-control-expose-headers", expose);
  return fields.toList();
}

function actualFields(levels: readonly CorsRule[], origin: string): readonly string[] {
  const fields = new HeaderFields("response");
  fields.put("access-control-allow-origin", origin);
  if (first(levels, "credentials") === true) fields.put("access-control-allow-credentials", "true");
  const expose = first(levels, "expose");
  if (expose !== undefined) fields.put("access-control-expose-headers", expose);
  return fields.toList();
}
