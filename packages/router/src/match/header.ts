import type { HeaderMatcher } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "../ascii.js";
import { grpcField } from "../grpc-profile.js";
import { compileRegex } from "../regex/patterns.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import type { Equality, Explanation, Predicate } from "./predicate.js";
import { compileString, describeString, exactValue, type StringTest } from "./string.js";

/**
 * Compiles a HeaderMatcher. A repeated field is tested value by value and one hit is enough; `invert_match` turns that round, so it
 * needs every value to miss, and never holds for an absent field (unless the field counts as empty, or presence itself is tested).
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-headermatcher
 */
export function compileHeader(matcher: HeaderMatcher, scope: Scope, surroundings: Surroundings): Predicate {
  const name = asciiLower(matcher.name ?? "");
  if (name === "") scope.field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a header name, got none");
  const invert = matcher.invertMatch === true;
  const missingIsEmpty = matcher.treatMissingHeaderAsEmpty === true;
  const test = valueTest(matcher, scope, surroundings);
  const fixed = surroundings.profile === "grpc" ? grpcField(name) : undefined;
  if (test === undefined) {
    const wanted = (matcher.presentMatch ?? true) !== invert;
    if (fixed !== undefined && !missingIsEmpty) return () => (fixed.value !== undefined) === wanted;
    if (missingIsEmpty) return () => wanted;
    return (facts) => (facts.header(name) !== undefined) === wanted;
  }
  const whenMissing = missingIsEmpty && test("") !== invert;
  if (fixed !== undefined) {
    const always = fixed.value === undefined ? whenMissing : test(fixed.value) !== invert;
    return () => always;
  }
  return (facts) => {
    const hit = facts.someHeader(name, test);
    return hit === undefined ? whenMissing : hit !== invert;
  };
}

/** The value test of a header matcher; `undefined` if it only looks at presence. */
function valueTest(matcher: HeaderMatcher, scope: Scope, surroundings: Surroundings): StringTest | undefined {
  if (matcher.stringMatch !== undefined)
    return compileString(matcher.stringMatch, scope.field("string_match"), surroundings);
  if (matcher.rangeMatch !== undefined) return rangeTest(matcher.rangeMatch.start ?? 0n, matcher.rangeMatch.end ?? 0n);
  if (matcher.exactMatch !== undefined) {
    const text = byteText(matcher.exactMatch);
    // Envoy takes an empty exact_match for "no value given": any present value passes.
    return text === "" ? () => true : (value) => value === text;
  }
  if (matcher.safeRegexMatch !== undefined) {
    const regex = compileRegex(matcher.safeRegexMatch, scope.field("safe_regex_match"), surroundings);
    return (value) => regex.test(value);
  }
  for (const field of ["prefixMatch", "suffixMatch", "containsMatch"] as const) {
    const configured = matcher[field];
    if (configured === undefined) continue;
    const text = byteText(configured);
    const snake = field.replace("M", "_m");
    if (text === "") scope.field(snake).report("ERR_ROUTER_FIELD_INVALID", "expected some text, got none");
    if (field === "prefixMatch") return (value) => value.startsWith(text);
    if (field === "suffixMatch") return (value) => value.endsWith(text);
    return (value) => value.includes(text);
  }
  return undefined;
}

const integer = /^[ \t\n\v\f\r]*([+-]?)(\d+)[ \t\n\v\f\r]*$/;
const leastInt64 = -(2n ** 63n);
const greatestInt64 = 2n ** 63n - 1n;

/** The whole value must be a base-10 int64 in `[start, end)`. */
function rangeTest(start: bigint, end: bigint): StringTest {
  return (value) => {
    const found = value.length > 64 ? null : integer.exec(value);
    if (found === null) return false;
    const number = BigInt(found[2] as string) * (found[1] === "-" ? -1n : 1n);
    return number >= leastInt64 && number <= greatestInt64 && number >= start && number < end;
  };
}

/** The equality that a header matcher amounts to, if it is one. */
export function headerEquality(matcher: HeaderMatcher): Equality | undefined {
  if (matcher.invertMatch === true || matcher.treatMissingHeaderAsEmpty === true) return undefined;
  const exact =
    matcher.exactMatch !== undefined && matcher.exactMatch !== "" ? byteText(matcher.exactMatch) : undefined;
  const value = exactValue(matcher.stringMatch) ?? exact;
  return value === undefined ? undefined : { key: `header ${asciiLower(matcher.name ?? "")}`, value };
}

/** How a header matcher shows in a trace. */
export function explainHeader(matcher: HeaderMatcher, field: string): Explanation {
  const name = asciiLower(matcher.name ?? "");
  const not = matcher.invertMatch === true ? "not " : "";
  const empty = matcher.treatMissingHeaderAsEmpty === true ? " (missing counts as empty)" : "";
  return {
    field,
    expected: `header ${name} ${not}${describeValue(matcher)}${empty}`,
    actual: (facts) => {
      const values = facts.headerValues(name);
      return values.length === 0 ? "absent" : values.map((value) => JSON.stringify(value)).join(", ");
    },
  };
}

function describeValue(matcher: HeaderMatcher): string {
  if (matcher.stringMatch !== undefined) return describeString(matcher.stringMatch);
  if (matcher.rangeMatch !== undefined)
    return `in [${matcher.rangeMatch.start ?? 0n}, ${matcher.rangeMatch.end ?? 0n})`;
  if (matcher.exactMatch !== undefined)
    return matcher.exactMatch === "" ? "present" : JSON.stringify(matcher.exactMatch);
  if (matcher.safeRegexMatch !== undefined) return `regex ${JSON.stringify(matcher.safeRegexMatch.regex ?? "")}`;
  if (matcher.prefixMatch !== undefined) return `prefix ${JSON.stringify(matcher.prefixMatch)}`;
  if (matcher.suffixMatch !== undefined) return `suffix ${JSON.stringify(matcher.suffixMatch)}`;
  if (matcher.containsMatch !== undefined) return `contains ${JSON.stringify(matcher.containsMatch)}`;
  return (matcher.presentMatch ?? true) ? "present" : "absent";
}
