import type { CookieMatcher } from "@weftmesh/xds-types/envoy/config/route/v3";
import { byteText } from "../ascii.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import type { Equality, Explanation, Predicate } from "./predicate.js";
import { compileString, describeString, exactValue } from "./string.js";

/**
 * Compiles a CookieMatcher. Unlike with headers, an inverted matcher holds when the cookie is absent.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-cookiematcher
 */
export function compileCookie(matcher: CookieMatcher, scope: Scope, surroundings: Surroundings): Predicate {
  const name = byteText(matcher.name ?? "");
  if (name === "") scope.field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a cookie name, got none");
  if (matcher.stringMatch === undefined) {
    scope.field("string_match").report("ERR_ROUTER_FIELD_INVALID", "expected a string matcher, got none");
    return () => false;
  }
  const invert = matcher.invertMatch === true;
  const test = compileString(matcher.stringMatch, scope.field("string_match"), surroundings);
  return (facts) => {
    const value = facts.cookies.get(name);
    return (value !== undefined && test(value)) !== invert;
  };
}

/** The equality that a cookie matcher amounts to, if it is one. */
export function cookieEquality(matcher: CookieMatcher): Equality | undefined {
  const value = matcher.invertMatch === true ? undefined : exactValue(matcher.stringMatch);
  return value === undefined ? undefined : { key: `cookie ${byteText(matcher.name ?? "")}`, value };
}

/** How a cookie matcher shows in a trace. */
export function explainCookie(matcher: CookieMatcher, field: string): Explanation {
  const name = byteText(matcher.name ?? "");
  const not = matcher.invertMatch === true ? "not " : "";
  return {
    field,
    expected: `cookie ${name} ${not}${matcher.stringMatch === undefined ? "" : describeString(matcher.stringMatch)}`,
    actual: (facts) => {
      const value = facts.cookies.get(name);
      return value === undefined ? "absent" : JSON.stringify(value);
    },
  };
}
