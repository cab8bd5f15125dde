import type { StringMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { asciiLower, byteText } from "../ascii.js";
import { customStringTest } from "../extension.js";
import { compileRegex } from "../regex/patterns.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** A test of one text. */
export type StringTest = (value: string) => boolean;

const never: StringTest = () => false;

/**
 * Compiles a StringMatcher.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/type/matcher/v3/string.proto
 */
export function compileString(matcher: StringMatcher, scope: Scope, surroundings: Surroundings): StringTest {
  const fold = matcher.ignoreCase === true;
  if (matcher.exact !== undefined) return exact(byteText(matcher.exact), fold);
  if (matcher.prefix !== undefined) return prefix(byteText(matcher.prefix), fold);
  if (matcher.suffix !== undefined) return suffix(byteText(matcher.suffix), fold);
  if (matcher.contains !== undefined) return contains(byteText(matcher.contains), fold);
  if (matcher.safeRegex !== undefined) {
    if (fold) {
      scope.field("ignore_case").report("ERR_ROUTER_FIELD_CONFLICT", "ignore_case has no effect for safe_regex");
    }
    const regex = compileRegex(matcher.safeRegex, scope.field("safe_regex"), surroundings);
    return (value) => regex.test(value);
  }
  if (matcher.custom !== undefined) return customStringTest(matcher.custom, scope.field("custom"), surroundings);
  scope.report(
    "ERR_ROUTER_FIELD_INVALID",
    "expected one of exact, prefix, suffix, safe_regex, contains and custom, got none",
  );
  return never;
}

/** The only value that can match, where there is one: what an index groups by. */
export function exactValue(matcher: StringMatcher | undefined): string | undefined {
  return matcher?.exact === undefined || matcher.ignoreCase === true ? undefined : byteText(matcher.exact);
}

/** The matcher as people would say it, for traces. */
export function describeString(matcher: StringMatcher): string {
  const fold = matcher.ignoreCase === true ? ", ignoring case" : "";
  if (matcher.exact !== undefined) return `${JSON.stringify(matcher.exact)}${fold}`;
  if (matcher.prefix !== undefined) return `prefix ${JSON.stringify(matcher.prefix)}${fold}`;
  if (matcher.suffix !== undefined) return `suffix ${JSON.stringify(matcher.suffix)}${fold}`;
  if (matcher.contains !== undefined) return `contains ${JSON.stringify(matcher.contains)}${fold}`;
  if (matcher.safeRegex !== undefined) return `regex ${JSON.stringify(matcher.safeRegex.regex ?? "")}`;
  return "custom";
}

function exact(text: string, fold: boolean): StringTest {
  if (!fold) return (value) => value === text;
  const lower = asciiLower(text);
  return (value) => value.length === lower.length && asciiLower(value) === lower;
}

function prefix(text: string, fold: boolean): StringTest {
  if (!fold) return (value) => value.startsWith(text);
  const lower = asciiLower(text);
  return (value) => asciiLower(value.slice(0, lower.length)) === lower;
}

function suffix(text: string, fold: boolean): StringTest {
  if (!fold) return (value) => value.endsWith(text);
  const lower = asciiLower(text);
  return (value) => value.length >= lower.length && asciiLower(value.slice(value.length - lower.length)) === lower;
}

function contains(text: string, fold: boolean): StringTest {
  if (!fold) return (value) => value.includes(text);
  const lower = asciiLower(text);
  return (value) => asciiLower(value).includes(lower);
}
