import type { RateLimit, RateLimit_Action } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "./ascii.js";
import type { RateLimitDescriptor } from "./decision.js";
import { typeName, unknownExtension } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { jsonPath } from "./json.js";
import { compileRanges, masked, parseAddress } from "./match/address.js";
import { compileHeader } from "./match/header.js";
import { compileQuery } from "./match/query.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** What descriptors read besides the request. */
export interface RateLimitFacts {
  readonly cluster: string;
  readonly routeMetadata: Readonly<Record<string, unknown>>;
}

type Entry = { readonly key: string; readonly value: string };

/** An action's entry; `skip` adds none, `fail` drops the whole descriptor. */
type ActionRule = (facts: RequestFacts, route: RateLimitFacts) => Entry | "skip" | "fail";

/** A compiled RateLimit. */
export interface RateLimitRule {
  readonly stage: number;
  readonly disableKey: string;
  readonly hitsAddend: number;
  readonly onStreamDone: boolean;
  readonly actions: readonly ActionRule[];
  readonly limitPath: readonly string[] | undefined;
}

/** Compiles rate limits; an empty list counts as none. */
export function compileRateLimits(
  limits: readonly RateLimit[] | undefined,
  scope: Scope,
  surroundings: Surroundings,
): readonly RateLimitRule[] | undefined {
  if (limits === undefined || limits.length === 0) return undefined;
  return limits.map((limit, i): RateLimitRule => {
    const where = scope.item("rate_limits", i);
    const stage = limit.stage ?? 0;
    if (stage > 10) where.field("stage").report("ERR_ROUTER_FIELD_INVALID", `expected at most 10, got ${stage}`);
    if (limit.actions === undefined || limit.actions.length === 0) {
      where.field("actions").report("ERR_ROUTER_FIELD_INVALID", "expected at least one action, got none");
    }
    const override = limit.limit?.dynamicMetadata?.metadataKey;
    return {
      stage,
      disableKey: limit.disableKey ?? "",
      hitsAddend: Number(limit.hitsAddend?.number ?? 1),
      onStreamDone: limit.applyOnStreamDone === true,
      actions: (limit.actions ?? []).map((action, j) => compileAction(action, where.item("actions", j), surroundings)),
      limitPath:
        override === undefined ? undefined : [override.key ?? "", ...(override.path ?? []).map((one) => one.key ?? "")],
    };
  });
}

function compileAction(action: RateLimit_Action, scope: Scope, surroundings: Surroundings): ActionRule {
  if (action.sourceCluster !== undefined) {
    const value = surroundings.localCluster;
    return () => ({ key: "source_cluster", value });
  }
  if (action.destinationCluster !== undefined)
    return (_, route) => ({ key: "destination_cluster", value: route.cluster });
  if (action.requestHeaders !== undefined) {
    const name = asciiLower(byteText(action.requestHeaders.headerName ?? ""));
    const key = byteText(action.requestHeaders.descriptorKey ?? "");
    const absent = action.requestHeaders.skipIfAbsent === true ? "skip" : "fail";
    return (facts) => entry(key, facts.header(name)) ?? absent;
  }
  if (action.queryParameters !== undefined) {
    const name = byteText(action.queryParameters.queryParameterName ?? "");
    const key = byteText(action.queryParameters.descriptorKey ?? "");
    const absent = action.queryParameters.skipIfAbsent === true ? "skip" : "fail";
    return (facts) => entry(key, decode(facts.query.get(name))) ?? absent;
  }
  if (action.remoteAddress !== undefined) return (facts) => entry("remote_address", remoteOf(facts)) ?? "fail";
  if (action.maskedRemoteAddress !== undefined) {
    const four = action.maskedRemoteAddress.v4PrefixMaskLen ?? 32;
    const six = action.maskedRemoteAddress.v6PrefixMaskLen ?? 128;
    return (facts) => entry("masked_remote_address", maskedRange(remoteOf(facts), four, six)) ?? "fail";
  }
  if (action.remoteAddressMatch !== undefined) {
    const { addressMatcher, descriptorKey, descriptorValue = "" } = action.remoteAddressMatch;
    const ranges = compileRanges(
      addressMatcher?.ranges ?? [],
      "ranges",
      scope.field("remote_address_match").field("address_matcher"),
    );
    const invert = addressMatcher?.invertMatch === true;
    const found = { key: byteText(descriptorKey || "remote_address_match"), value: byteText(descriptorValue) };
    return (facts) => (ranges.containsText(remoteOf(facts)) !== invert ? found : "fail");
  }
  if (action.genericKey !== undefined) {
    const key = action.genericKey.descriptorKey || "generic_key";
    const found = { key: byteText(key), value: byteText(action.genericKey.descriptorValue ?? "") };
    return () => found;
  }
  if (action.headerValueMatch !== undefined) {
    const where = scope.field("header_value_match");
    const tests = (action.headerValueMatch.headers ?? []).map((one, i) =>
      compileHeader(one, where.item("headers", i), surroundings),
    );
    return matchAction(action.headerValueMatch, "header_match", (facts) => tests.every((test) => test(facts)));
  }
  if (action.queryParameterValueMatch !== undefined) {
    const where = scope.field("query_parameter_value_match");
    const tests = (action.queryParameterValueMatch.queryParameters ?? []).map((one, i) =>
      compileQuery(one, where.item("query_parameters", i), surroundings),
    );
    return matchAction(action.queryParameterValueMatch, "query_match", (facts) => tests.every((test) => test(facts)));
  }
  const metadata = action.metadata ?? action.dynamicMetadata;
  if (metadata !== undefined) return metadataAction(action, metadata);
  if (action.extension !== undefined)
    unknownExtension(typeName(action.extension.typedConfig), scope.field("extension"));
  else scope.report("ERR_ROUTER_FIELD_INVALID", "expected an action specifier, got none");
  return () => "fail";
}

function matchAction(
  match: { readonly descriptorKey?: string; readonly descriptorValue?: string; readonly expectMatch?: boolean },
  defaultKey: string,
  test: (facts: RequestFacts) => boolean,
): ActionRule {
  const found = { key: byteText(match.descriptorKey || defaultKey), value: byteText(match.descriptorValue ?? "") };
  const wanted = match.expectMatch ?? true;
  return (facts) => (test(facts) === wanted ? found : "fail");
}

function metadataAction(
  action: RateLimit_Action,
  metadata: NonNullable<RateLimit_Action["metadata"] | RateLimit_Action["dynamicMetadata"]>,
): ActionRule {
  const path = [metadata.metadataKey?.key ?? "", ...(metadata.metadataKey?.path ?? []).map((one) => one.key ?? "")];
  const source = action.metadata?.source;
  const ofRoute = source === "ROUTE_ENTRY" || source === 1;
  const key = byteText(metadata.descriptorKey ?? "");
  const fallback = byteText(metadata.defaultValue ?? "");
  const absent = action.metadata?.skipIfAbsent === true ? "skip" : "fail";
  return (facts, route) => {
    const value = jsonPath(ofRoute ? route.routeMetadata : facts.request.metadata, path);
    const text = typeof value === "string" && value !== "" ? byteText(value) : fallback;
    return text === "" ? absent : { key, value: text };
  };
}

function entry(key: string, value: string | undefined): Entry | undefined {
  return value === undefined ? undefined : { key, value };
}

function remoteOf(facts: RequestFacts): string | undefined {
  const text = facts.request.remoteAddress ?? facts.request.connection?.sourceAddress;
  return parseAddress(text) === undefined ? undefined : text;
}

function maskedRange(text: string | undefined, four: number, six: number): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const length = address.family === 4 ? four : six;
  const bytes = masked(address.bytes, length);
  if (address.family === 4) return `${bytes.join(".")}/${length}`;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number)).toString(16),
  );
  return `${compressed(groups.join(":"))}/${length}`;
}

/** The longest run of zero groups becomes `::`. */
function compressed(address: string): string {
  const runs = [...address.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const [longest] = runs;
  if (longest === undefined) return address;
  const before = address.slice(0, longest.index);
  const after = address.slice(longest.index + longest[0].length + 1);
  return `${before}::${after}`;
}

/** Percent-decoding, as rate-limit actions do it and route matching does not. */
function decode(value: string | undefined): string | undefined {
  return value?.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The descriptors of one request: one from each limit, unless an action fails. */
export function descriptorsOf(
  rules: readonly RateLimitRule[],
  stage: number | undefined,
  facts: RequestFacts,
  route: RateLimitFacts,
): readonly RateLimitDescriptor[] {
  const out: RateLimitDescriptor[] = [];
  for (const rule of rules) {
    if (stage !== undefined && rule.stage !== stage) continue;
    const entries: Entry[] = [];
    const failed = rule.actions.some((action) => {
      const result = action(facts, route);
      if (typeof result === "object") entries.push(result);
      return result === "fail";
    });
    if (failed || entries.length === 0) continue;
    const { stage: ruleStage, disableKey, hitsAddend, onStreamDone } = rule;
    const limit = limitOf(rule, facts);
    out.push({
      entries,
      stage: ruleStage,
      disableKey,
      hitsAddend,
      onStreamDone,
      ...(limit === undefined ? {} : { limit }),
    });
  }
  return out;
}

function limitOf(rule: RateLimitRule, facts: RequestFacts): RateLimitDescriptor["limit"] {
  if (rule.limitPath === undefined) return undefined;
  const requestsPerUnit = jsonPath(facts.request.metadata, [...rule.limitPath, "requests_per_unit"]);
  const unit = jsonPath(facts.request.metadata, [...rule.limitPath, "unit"]);
  return typeof requestsPerUnit === "number" && typeof unit === "string" ? { requestsPerUnit, unit } : undefined;
}
