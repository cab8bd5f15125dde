import type { RateLimit } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RateLimitDescriptor } from "./decision.js";
import type { RequestFacts } from "./facts.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** A compiled RateLimit. */
export interface RateLimitRule {
  readonly stage: number;
}

/** Compiles rate limits. */
export function compileRateLimits(
  limits: readonly RateLimit[] | undefined,
  _scope: Scope,
  _surroundings: Surroundings,
): readonly RateLimitRule[] | undefined {
  return limits === undefined || limits.length === 0 ? undefined : limits.map((limit) => ({ stage: limit.stage ?? 0 }));
}

/** The descriptors of one request. */
export function descriptorsOf(
  _rules: readonly RateLimitRule[],
  _stage: number | undefined,
  _facts: RequestFacts,
  _forward: { readonly cluster: string },
): readonly RateLimitDescriptor[] {
  return [];
}
