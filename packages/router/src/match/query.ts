import type { QueryParameterMatcher } from "@weftmesh/xds-types/envoy/config/route/v3";
import { byteText } from "../ascii.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import type { Equality, Explanation, Predicate } from "./predicate.js";
import { compileString, describeString, exactValue } from "./string.js";

/**
 * Compiles a QueryParameterMatcher: the first value of the name, undecoded.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-queryparametermatcher
 */
export function compileQuery(matcher: QueryParameterMatcher, scope: Scope, surroundings: Surroundings): Predicate {
  const name = byteText(matcher.name ?? "");
  if (name === "") scope.field("name").report("ERR_ROUTER_FIELD_INVALID", "expected a parameter name, got none");
  if (matcher.stringMatch === undefined) {
    const wanted = matcher.presentMatch ?? true;
    return (facts) => facts.query.has(name) === wanted;
  }
  const test = compileString(matcher.stringMatch, scope.field("string_match"), surroundings);
  return (facts) => {
    const value = facts.query.get(name);
    return value !== undefined && test(value);
  };
}

/** The equality that a query matcher amounts to, if it is one. */
export function queryEquality(matcher: QueryParameterMatcher): Equality | undefined {
  const value = exactValue(matcher.stringMatch);
  return value === undefined ? undefined : { key: `query ${byteText(matcher.name ?? "")}`, value };
}

/** How a query matcher shows in a trace. */
export function explainQuery(matcher: QueryParameterMatcher, field: string): Explanation {
  const name = byteText(matcher.name ?? "");
  const present = (matcher.presentMatch ?? true) ? "present" : "absent";
  return {
    field,
    expected: `query ${name} ${matcher.stringMatch === undefined ? present : describeString(matcher.stringMatch)}`,
    actual: (facts) => {
      const value = facts.query.get(name);
      return value === undefined ? "absent" : JSON.stringify(value);
    },
  };
}
