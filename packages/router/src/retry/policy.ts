import type { HeaderMatcher, RetryPolicy } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower } from "../ascii.js";
import type { Outcome, RetryVerdict } from "../decision.js";
import { RequestFacts } from "../facts.js";
import { fieldOf } from "../header/list.js";
import { compileHeader } from "../match/header.js";
import type { Predicate } from "../match/predicate.js";
import type { Random } from "../random.js";
import type { HeaderList } from "../request.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { type ReadField, unsigned } from "../timeouts.js";
import {
  type BackOff,
  backOffMs,
  compileBackOff,
  compileRateLimited,
  type RateLimitedBackOff,
  rateLimitedMs,
} from "./back-off.js";
import { grpcConditions, parseRetryOn } from "./conditions.js";

/** A compiled RetryPolicy. */
export interface RetryRules {
  readonly on: ReadonlySet<string>;
  readonly maxRetries: number;
  readonly statusCodes: readonly number[];
  readonly responseHeaders: readonly Predicate[];
  readonly requestHeaders: readonly Predicate[];
  readonly backOff: BackOff;
  readonly rateLimited: RateLimitedBackOff | undefined;
}

/** What holds where a route has no retry policy: nothing is retried unless request headers ask for it. */
export const noRetries: RetryRules = {
  on: new Set(),
  maxRetries: 1,
  statusCodes: [],
  responseHeaders: [],
  requestHeaders: [],
  backOff: { baseMs: 25, maxMs: 250 },
  rateLimited: undefined,
};

/** Compiles a RetryPolicy. */
export function compileRetry(policy: RetryPolicy, scope: Scope, surroundings: Surroundings): RetryRules {
  const matchers = (list: readonly HeaderMatcher[] | undefined, field: string): Predicate[] =>
    (list ?? []).map((matcher, i) => compileHeader(matcher, scope.item(field, i), surroundings));
  return {
    on: parseRetryOn(policy.retryOn, surroundings.profile === "grpc"),
    maxRetries: policy.numRetries ?? 1,
    statusCodes: policy.retriableStatusCodes ?? [],
    responseHeaders: matchers(policy.retriableHeaders, "retriable_headers"),
    requestHeaders: matchers(policy.retriableRequestHeaders, "retriable_request_headers"),
    backOff: compileBackOff(policy, scope),
    rateLimited: compileRateLimited(policy.rateLimitedRetryBackOff, scope.field("rate_limited_retry_back_off")),
  };
}

/** The rules of one request: its policy and what its own headers add. */
export interface RetryState {
  readonly rules: RetryRules;
  readonly on: ReadonlySet<string>;
  readonly maxRetries: number;
  readonly statusCodes: readonly number[];
  /** Whether the client did not send the request as early data itself: then a 425 is this proxy's to put right. */
  readonly mayRetryTooEarly: boolean;
  /** Names whose presence in a response asks for a retry. */
  readonly headerNames: readonly string[];
}

/** Merges the policy with `x-envoy-retry-on` and its kin. */
export function retryState(rules: RetryRules, read: ReadField, facts: RequestFacts): RetryState {
  if (rules.requestHeaders.length > 0 && !rules.requestHeaders.some((test) => test(facts))) {
    return { rules, on: new Set(), maxRetries: 0, statusCodes: [], mayRetryTooEarly: false, headerNames: [] };
  }
  const asked = [read("x-envoy-retry-on"), read("x-envoy-retry-grpc-on")].filter((text) => text !== undefined);
  const on =
    asked.length === 0 ? rules.on : new Set([...rules.on, ...asked.flatMap((text) => [...parseRetryOn(text)])]);
  const codes = read("x-envoy-retriable-status-codes");
  const names = read("x-envoy-retriable-header-names");
  return {
    rules,
    on,
    maxRetries: on.size === 0 ? 0 : (unsigned(read("x-envoy-max-retries")) ?? rules.maxRetries),
    statusCodes: codes === undefined ? rules.statusCodes : [...rules.statusCodes, ...splitCodes(codes)],
    mayRetryTooEarly: read("early-data") === undefined,
    headerNames: names === undefined ? [] : names.split(",").map((name) => asciiLower(name.trim())),
  };
}

function splitCodes(text: string): number[] {
  return text.split(",").flatMap((code) => unsigned(code) ?? []);
}

/**
 * Judges how an attempt ended.
 *
 * @param attempt - Number of the attempt that ended, from 1.
 * @param now - Unix milliseconds.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
export function judge(state: RetryState, outcome: Outcome, attempt: number, now: number, random: Random): RetryVerdict {
  if (state.on.size === 0) return { retry: false, reason: "disabled" };
  const condition =
    outcome.kind === "response" ? onResponse(state, outcome.status, outcome.headers) : onReset(state, outcome);
  if (condition === undefined) return { retry: false, reason: "not-retriable" };
  if (attempt > state.maxRetries) return { retry: false, reason: "limit" };
  if (outcome.kind === "response" && outcome.status === tooEarly && condition === "retriable-status-codes")
    return { retry: true, delayMs: 0, condition, withoutEarlyData: true };
  if (condition === "http3-post-connect-failure") return { retry: true, delayMs: 0, condition };
  if (outcome.kind === "response" && state.rules.rateLimited !== undefined) {
    const delayMs = rateLimitedMs(state.rules.rateLimited, outcome.headers, now, random);
    if (delayMs !== undefined) return { retry: true, delayMs, condition };
  }
  return { retry: true, delayMs: backOffMs(state.rules.backOff, attempt, random), condition };
}

/** Too Early, RFC 8470. */
const tooEarly = 425;

function onResponse(state: RetryState, status: number, headers: HeaderList): string | undefined {
  const { on } = state;
  // Without its own condition, a response that Envoy's rate limiting made is never retried.
  if (fieldOf(headers, "x-envoy-ratelimited") !== undefined) {
    return on.has("envoy-ratelimited") ? "envoy-ratelimited" : undefined;
  }
  if (on.has("5xx") && status >= 500 && status < 600) return "5xx";
  if (on.has("gateway-error") && status >= 502 && status <= 504) return "gateway-error";
  if (on.has("retriable-4xx") && status === 409) return "retriable-4xx";
  const early = status === tooEarly && !state.mayRetryTooEarly;
  if (on.has("retriable-status-codes") && !early && state.statusCodes.includes(status)) return "retriable-status-codes";
  if (on.has("retriable-headers") && hasRetriableHeader(state, status, headers)) return "retriable-headers";
  const grpc = fieldOf(headers, "grpc-status");
  if (grpc === undefined) return undefined;
  for (const [name, code] of grpcConditions) if (on.has(name) && grpc === String(code)) return name;
  return undefined;
}

function hasRetriableHeader(state: RetryState, status: number, headers: HeaderList): boolean {
  if (state.headerNames.some((name) => fieldOf(headers, name) !== undefined)) return true;
  if (state.rules.responseHeaders.length === 0) return false;
  // Header matchers see a response as they see a request: `:status` is one more field.
  const request = { method: "", scheme: "", headers: [":status", String(status), ...headers] };
  const facts = new RequestFacts(request, { random: () => 0, now: 0 }, false);
  return state.rules.responseHeaders.some((test) => test(facts));
}

function onReset(state: RetryState, outcome: Extract<Outcome, { kind: "reset" }>): string | undefined {
  const { on } = state;
  if (outcome.reason === "overflow") return undefined;
  if (outcome.reason === "http3-post-connect-failure" && on.has("http3-post-connect-failure"))
    return "http3-post-connect-failure";
  if (on.has("reset-before-request") && outcome.sent === false) return "reset-before-request";
  if (on.has("reset")) return "reset";
  if (on.has("5xx")) return "5xx";
  if (on.has("gateway-error")) return "gateway-error";
  if (on.has("refused-stream") && outcome.reason === "remote-refused-stream") return "refused-stream";
  const connect = outcome.reason === "connect-failure" || outcome.reason === "connect-timeout";
  return on.has("connect-failure") && connect ? "connect-failure" : undefined;
}
