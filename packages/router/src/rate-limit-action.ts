import type { RateLimit_Action } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText, percentDecode } from "./ascii.js";
import { buildExtension, type RateLimitEntry as Entry, type NamedConfig } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { compileFormat } from "./format/format.js";
import type { FormatInput } from "./format/values.js";
import { jsonPath } from "./json.js";
import { compileRanges, masked, parseAddress } from "./match/address.js";
import { compileHeader } from "./match/header.js";
import { compileHttpInput } from "./match/http-input.js";
import { compileQuery } from "./match/query.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** What descriptors read besides the request. */
export interface RateLimitFacts {
  readonly cluster: string;
  readonly routeMetadata: Readonly<Record<string, unknown>>;
  /** What format strings read. */
  input(): FormatInput;
}

/** An action's entry; `skip` adds none, `fail` drops the whole descriptor. */
export type ActionRule = (facts: RequestFacts, route: RateLimitFacts) => Entry | "skip" | "fail";

/** Compiles one action. */
export function compileAction(action: RateLimit_Action, scope: Scope, surroundings: Surroundings): ActionRule {
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
    return (facts) => entry(key, decoded(facts.query.get(name))) ?? absent;
  }
  if (action.remoteAddress !== undefined) return (facts) => entry("remote_address", remoteOf(facts)) ?? "fail";
  if (action.maskedRemoteAddress !== undefined) {
    const four = action.maskedRemoteAddress.v4PrefixMaskLen ?? 32;
    const six = action.maskedRemoteAddress.v6PrefixMaskLen ?? 128;
    return (facts) => entry("masked_remote_address", maskedRange(remoteOf(facts), four, six)) ?? "fail";
  }
  if (action.remoteAddressMatch !== undefined) {
    const { addressMatcher, descriptorKey } = action.remoteAddressMatch;
    const where = scope.field("remote_address_match");
    const ranges = compileRanges(addressMatcher?.ranges ?? [], "ranges", where.field("address_matcher"));
    const invert = addressMatcher?.invertMatch === true;
    const key = byteText(descriptorKey || "remote_address_match");
    const value = compileValue(action.remoteAddressMatch, true, where, surroundings);
    return (facts, route) => {
      const remote = remoteOf(facts);
      if (remote === undefined || ranges.containsText(remote) === invert) return "fail";
      return entry(key, value(route)) ?? "fail";
    };
  }
  if (action.genericKey !== undefined) {
    const key = byteText(action.genericKey.descriptorKey || "generic_key");
    const value = compileValue(action.genericKey, false, scope.field("generic_key"), surroundings);
    return (_, route) => entry(key, value(route)) ?? "fail";
  }
  if (action.headerValueMatch !== undefined) {
    const where = scope.field("header_value_match");
    const tests = (action.headerValueMatch.headers ?? []).map((one, i) =>
      compileHeader(one, where.item("headers", i), surroundings),
    );
    const value = compileValue(action.headerValueMatch, false, where, surroundings);
    return matchAction(action.headerValueMatch, "header_match", value, (facts) => tests.every((test) => test(facts)));
  }
  if (action.queryParameterValueMatch !== undefined) {
    const where = scope.field("query_parameter_value_match");
    const tests = (action.queryParameterValueMatch.queryParameters ?? []).map((one, i) =>
      compileQuery(one, where.item("query_parameters", i), surroundings),
    );
    const { queryParameterValueMatch: match } = action;
    const value = compileValue(match, false, where, surroundings);
    return matchAction(match, "query_match", value, (facts) => tests.every((test) => test(facts)));
  }
  const metadata = action.metadata ?? action.dynamicMetadata;
  if (metadata !== undefined) return metadataAction(action, metadata);
  if (action.extension !== undefined) return extensionAction(action.extension, scope.field("extension"), surroundings);
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected an action specifier, got none");
  return () => "fail";
}

function matchAction(
  match: { readonly descriptorKey?: string; readonly expectMatch?: boolean },
  defaultKey: string,
  value: DescriptorValue,
  test: (facts: RequestFacts) => boolean,
): ActionRule {
  const key = byteText(match.descriptorKey || defaultKey);
  const wanted = match.expectMatch ?? true;
  return (facts, route) => (test(facts) === wanted ? (entry(key, value(route)) ?? "fail") : "fail");
}

type DescriptorValue = (route: RateLimitFacts) => string | undefined;

/** Off unless a runtime key says otherwise: until then a `%` in a descriptor's value is a `%`. */
const formatFlag = "envoy.reloadable_features.enable_formatter_for_ratelimit_action_descriptor_value";

/** A descriptor's value: as it stands, or a format string with something to fall back on; `undefined` where both are empty. */
function compileValue(
  { descriptorValue = "", defaultValue = "" }: { readonly descriptorValue?: string; readonly defaultValue?: string },
  formatted: boolean,
  scope: Scope,
  surroundings: Surroundings,
): DescriptorValue {
  const flag = surroundings.runtime(formatFlag);
  if (!formatted && flag !== true && flag !== "true") {
    const text = byteText(descriptorValue);
    return () => text;
  }
  const format = compileFormat(descriptorValue, "", scope.field("descriptor_value"), surroundings);
  const fallback = byteText(defaultValue);
  return (route) => format(route.input()) || fallback || undefined;
}

/** A descriptor out of a registered extension, or out of any input that matchers have. */
function extensionAction(config: NamedConfig, scope: Scope, surroundings: Surroundings): ActionRule {
  const input = compileHttpInput(config, scope);
  if (input !== undefined) {
    const key = byteText(config.name ?? "");
    return (facts) => {
      const value = input(facts);
      return value === "" ? "skip" : (entry(key, value) ?? "fail");
    };
  }
  const { rateLimitDescriptors } = surroundings.extensions;
  return buildExtension(rateLimitDescriptors, config.typedConfig, scope) ?? (() => "fail");
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

function decoded(value: string | undefined): string | undefined {
  return value === undefined ? undefined : percentDecode(value);
}
