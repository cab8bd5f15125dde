import type { FilterStateMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compileRanges } from "./address.js";
import type { Predicate } from "./predicate.js";
import { compileString } from "./string.js";

/** Compiles a FilterStateMatcher; an object that is not there never matches. */
export function compileFilterState(matcher: FilterStateMatcher, scope: Scope, surroundings: Surroundings): Predicate {
  const key = matcher.key ?? "";
  if (key === "") scope.field("key").report("ERR_ROUTER_FIELD_INVALID", "expected a key, got none");
  const test = valueTest(matcher, scope, surroundings);
  return (facts) => {
    const state = facts.request.filterState;
    if (state === undefined || !Object.hasOwn(state, key)) return false;
    return test(state[key] as string);
  };
}

function valueTest(matcher: FilterStateMatcher, scope: Scope, surroundings: Surroundings): (value: string) => boolean {
  if (matcher.stringMatch !== undefined)
    return compileString(matcher.stringMatch, scope.field("string_match"), surroundings);
  if (matcher.addressMatch !== undefined) {
    const where = scope.field("address_match");
    const ranges = compileRanges(matcher.addressMatch.ranges ?? [], "ranges", where);
    const invert = matcher.addressMatch.invertMatch === true;
    return (value) => ranges.containsText(value) !== invert;
  }
  scope.report("ERR_ROUTER_FIELD_INVALID", "expected string_match or address_match, got none");
  return () => false;
}
