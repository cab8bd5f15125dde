import type { ListMatcher, MetadataMatcher, ValueMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { byteText } from "../ascii.js";
import { jsonPath } from "../json.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileString } from "./string.js";

/** A test of a plain JSON value; `undefined` is a value that is not there. */
export type ValueTest = (value: unknown) => boolean;

/**
 * Compiles a ValueMatcher. A value that is missing is a null value, so `null_match` holds for it.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/type/matcher/v3/value.proto
 */
export function compileValue(matcher: ValueMatcher, scope: Scope, surroundings: Surroundings): ValueTest {
  if (matcher.nullMatch !== undefined) return (value) => value === undefined || value === null;
  if (matcher.doubleMatch !== undefined) {
    const { exact, range } = matcher.doubleMatch;
    if (exact !== undefined) return (value) => value === exact;
    const start = range?.start ?? 0;
    const end = range?.end ?? 0;
    return (value) => typeof value === "number" && value >= start && value < end;
  }
  if (matcher.stringMatch !== undefined) {
    const test = compileString(matcher.stringMatch, scope.field("string_match"), surroundings);
    return (value) => typeof value === "string" && test(byteText(value));
  }
  if (matcher.boolMatch !== undefined) {
    const wanted = matcher.boolMatch;
    return (value) => value === wanted;
  }
  if (matcher.presentMatch !== undefined) {
    const wanted = matcher.presentMatch;
    return (value) => wanted && value !== undefined && value !== null;
  }
  if (matcher.listMatch !== undefined) return compileList(matcher.listMatch, scope.field("list_match"), surroundings);
  if (matcher.orMatch !== undefined) {
    const where = scope.field("or_match");
    const tests = (matcher.orMatch.valueMatchers ?? []).map((one, i) =>
      compileValue(one, where.item("value_matchers", i), surroundings),
    );
    return (value) => tests.some((test) => test(value));
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected a match pattern, got none");
  return () => false;
}

function compileList(matcher: ListMatcher, scope: Scope, surroundings: Surroundings): ValueTest {
  if (matcher.oneOf === undefined) {
    scope.report("ERR_ROUTER_FIELD_INVALID", "expected one_of, got none");
    return () => false;
  }
  const test = compileValue(matcher.oneOf, scope.field("one_of"), surroundings);
  return (value) => Array.isArray(value) && value.some((one) => test(one));
}

/** Compiles a MetadataMatcher into a test of a whole metadata record. Inverting comes last, so it matches absence. */
export function compileMetadata(
  matcher: MetadataMatcher,
  scope: Scope,
  surroundings: Surroundings,
): (metadata: Readonly<Record<string, unknown>> | undefined) => boolean {
  const namespace = matcher.filter ?? "";
  const keys = (matcher.path ?? []).map((segment) => segment.key ?? "");
  const invert = matcher.invert === true;
  if (matcher.value === undefined) {
    scope.field("value").report("ERR_ROUTER_FIELD_INVALID", "expected a value matcher, got none");
    return () => false;
  }
  const test = compileValue(matcher.value, scope.field("value"), surroundings);
  const path = [namespace, ...keys];
  return (metadata) => test(jsonPath(metadata, path)) !== invert;
}
