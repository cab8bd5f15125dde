import type { TokenBucket as TokenBucketMessage } from "@weftmesh/xds-types/envoy/type/v3";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";

/** Limits of a token bucket. */
export interface BucketRule {
  /** The most tokens it holds, and what it starts with. */
  readonly maxTokens: number;
  /** Tokens added at each fill. */
  readonly tokensPerFill: number;
  /** Milliseconds between fills. */
  readonly fillIntervalMs: number;
}

/** A token bucket at one moment; plain data. */
export interface BucketState {
  /** Tokens left; fractions accumulate. */
  readonly tokens: number;
  /** When {@link BucketState.tokens} was right: monotonic milliseconds. */
  readonly at: number;
}

/** The local rate-limit filter refuses shorter ones. */
const leastIntervalMs = 50;

/**
 * Reads the TokenBucket of a local rate limit. One token a fill unless configured.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/local_rate_limit_filter
 */
export function bucketRule(unchecked: TokenBucketMessage, options: { readonly path?: string } = {}): BucketRule {
  const scope = Scope.root(options.path);
  const message = checkShape(unchecked, "envoy.type.v3.TokenBucket", scope);
  const interval = message.fillInterval;
  const rule: BucketRule = {
    maxTokens: message.maxTokens ?? 0,
    tokensPerFill: message.tokensPerFill ?? 1,
    fillIntervalMs: interval === undefined ? 0 : Number(interval.seconds ?? 0n) * 1000 + (interval.nanos ?? 0) / 1e6,
  };
  const expect = (fine: boolean, field: string, what: string): void => {
    if (!fine) scope.field(field).report("ERR_ROUTER_FIELD_INVALID", `expected ${what}`);
  };
  expect(rule.maxTokens > 0, "max_tokens", "at least 1 token");
  expect(rule.tokensPerFill > 0, "tokens_per_fill", "at least 1 token");
  expect(rule.fillIntervalMs >= leastIntervalMs, "fill_interval", `at least ${leastIntervalMs} ms`);
  scope.throwIfRefused();
  return rule;
}

/** A full bucket. */
export function fullBucket(rule: BucketRule, now: number): BucketState {
  return { tokens: rule.maxTokens, at: now };
}

/**
 * Takes one token, or finds that there is none: a local rate limit as a reducer. Tokens flow in continuously, as in Envoy's atomic
 * token bucket.
 *
 * @param now - Monotonic milliseconds; must not go back.
 */
export function takeToken(
  rule: BucketRule,
  state: BucketState,
  now: number,
): readonly [state: BucketState, allowed: boolean] {
  const perMs = rule.fillIntervalMs > 0 ? rule.tokensPerFill / rule.fillIntervalMs : 0;
  const tokens = Math.min(rule.maxTokens, state.tokens + Math.max(0, now - state.at) * perMs);
  return tokens >= 1 ? [{ tokens: tokens - 1, at: now }, true] : [{ tokens, at: now }, false];
}
