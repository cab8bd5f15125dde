import type { RetryPolicy, RouteAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Timeouts } from "./decision.js";
import { checkDuration, durationMs } from "./duration.js";
import type { Scope } from "./scope.js";

/** Reads request fields: the request as it came, or as it has been changed. */
export type ReadField = (name: string) => string | undefined;

/** Time limits as configured for one route, in milliseconds. */
export interface TimeoutPolicy {
  readonly requestMs: number;
  readonly perTryMs: number;
  readonly perTryIdleMs: number;
  readonly idleMs: number | undefined;
  readonly flushMs: number | undefined;
  /** Whether `max_stream_duration` is present: it switches the request timeout off. */
  readonly newStyle: boolean;
  readonly maxStreamMs: number | undefined;
  readonly grpcHeaderMaxMs: number | undefined;
  readonly grpcHeaderOffsetMs: number;
  readonly maxGrpcMs: number | undefined;
  readonly grpcOffsetMs: number;
}

/** What holds for the many routes that configure nothing; shared, because tables are large. */
const defaults: TimeoutPolicy = {
  requestMs: 15_000,
  perTryMs: 0,
  perTryIdleMs: 0,
  idleMs: undefined,
  flushMs: undefined,
  newStyle: false,
  maxStreamMs: undefined,
  grpcHeaderMaxMs: undefined,
  grpcHeaderOffsetMs: 0,
  maxGrpcMs: undefined,
  grpcOffsetMs: 0,
};

function configuresTime(action: RouteAction): boolean {
  return (
    action.timeout !== undefined ||
    action.idleTimeout !== undefined ||
    action.flushTimeout !== undefined ||
    action.maxStreamDuration !== undefined ||
    action.maxGrpcTimeout !== undefined ||
    action.grpcTimeoutOffset !== undefined
  );
}

/** Reads the time limits of a route. */
export function compileTimeouts(
  action: RouteAction,
  retry: RetryPolicy | undefined,
  scope: Scope,
  profile: "envoy" | "grpc",
): TimeoutPolicy {
  if (profile === "grpc") return grpcTimeouts(action);
  if (retry === undefined && !configuresTime(action)) return defaults;
  const stream = action.maxStreamDuration;
  const streamScope = scope.field("max_stream_duration");
  const retryScope = scope.field("retry_policy");
  checkDuration(action.timeout, scope.field("timeout"));
  checkDuration(action.idleTimeout, scope.field("idle_timeout"));
  checkDuration(action.flushTimeout, scope.field("flush_timeout"));
  checkDuration(action.maxGrpcTimeout, scope.field("max_grpc_timeout"));
  checkDuration(action.grpcTimeoutOffset, scope.field("grpc_timeout_offset"));
  checkDuration(stream?.maxStreamDuration, streamScope.field("max_stream_duration"));
  checkDuration(stream?.grpcTimeoutHeaderMax, streamScope.field("grpc_timeout_header_max"));
  checkDuration(stream?.grpcTimeoutHeaderOffset, streamScope.field("grpc_timeout_header_offset"));
  checkDuration(retry?.perTryTimeout, retryScope.field("per_try_timeout"));
  checkDuration(retry?.perTryIdleTimeout, retryScope.field("per_try_idle_timeout"));
  return {
    requestMs: durationMs(action.timeout) ?? 15_000,
    perTryMs: durationMs(retry?.perTryTimeout) ?? 0,
    perTryIdleMs: durationMs(retry?.perTryIdleTimeout) ?? 0,
    idleMs: durationMs(action.idleTimeout),
    flushMs: durationMs(action.flushTimeout) ?? durationMs(action.idleTimeout),
    newStyle: stream !== undefined,
    maxStreamMs: durationMs(stream?.maxStreamDuration),
    grpcHeaderMaxMs: durationMs(stream?.grpcTimeoutHeaderMax),
    grpcHeaderOffsetMs: durationMs(stream?.grpcTimeoutHeaderOffset) ?? 0,
    maxGrpcMs: durationMs(action.maxGrpcTimeout),
    grpcOffsetMs: durationMs(action.grpcTimeoutOffset) ?? 0,
  };
}

/** gRPC reads one limit, and none of it is Envoy's to cap by the call's own. */
function grpcTimeouts({ maxStreamDuration: stream }: RouteAction): TimeoutPolicy {
  const maxStreamMs = durationMs(stream?.grpcTimeoutHeaderMax) ?? durationMs(stream?.maxStreamDuration);
  return { ...defaults, requestMs: 0, newStyle: true, maxStreamMs };
}

/**
 * Resolves the time limits of one request, headers included.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/faq/configuration/timeouts
 */
export function resolveTimeouts(policy: TimeoutPolicy, read: ReadField, isGrpc: boolean): Timeouts {
  const requestMs = unsigned(read("x-envoy-upstream-rq-timeout-ms")) ?? configuredRequestMs(policy, read, isGrpc);
  let perTryMs = unsigned(read("x-envoy-upstream-rq-per-try-timeout-ms")) ?? policy.perTryMs;
  if (perTryMs >= requestMs && requestMs !== 0) perTryMs = 0;
  return {
    requestMs,
    perTryMs,
    perTryIdleMs: policy.perTryIdleMs,
    idleMs: policy.idleMs,
    flushMs: policy.flushMs,
    maxStreamMs: unsigned(read("x-envoy-upstream-stream-duration-ms")) ?? configuredStreamMs(policy, read),
  };
}

function configuredRequestMs(policy: TimeoutPolicy, read: ReadField, isGrpc: boolean): number {
  if (policy.newStyle) return 0;
  if (!isGrpc || policy.maxGrpcMs === undefined) return policy.requestMs;
  let ms = grpcTimeoutMs(read("grpc-timeout")) ?? 0;
  if (policy.grpcOffsetMs < ms) ms -= policy.grpcOffsetMs;
  if (policy.maxGrpcMs !== 0 && (ms === 0 || ms > policy.maxGrpcMs)) ms = policy.maxGrpcMs;
  return ms;
}

/** Limit of the whole stream; `undefined` leaves it to the connection manager. */
export function configuredStreamMs(policy: TimeoutPolicy, read: ReadField): number | undefined {
  if (!policy.newStyle) return undefined;
  const asked = policy.grpcHeaderMaxMs === undefined ? undefined : grpcTimeoutMs(read("grpc-timeout"));
  if (asked === undefined || policy.grpcHeaderMaxMs === undefined) {
    return policy.maxStreamMs === 0 ? undefined : policy.maxStreamMs;
  }
  const capped = policy.grpcHeaderMaxMs === 0 ? asked : Math.min(asked, policy.grpcHeaderMaxMs);
  return Math.max(0, capped - policy.grpcHeaderOffsetMs);
}

/**
 * The value of `x-envoy-expected-rq-timeout-ms`, or `undefined` where nothing limits the attempt.
 *
 * @param elapsedMs - Since the request was fully received.
 */
export function expectedTimeoutMs(timeouts: Timeouts, hedging: boolean, elapsedMs: number): number | undefined {
  const wanted = hedging || timeouts.perTryMs === 0 ? timeouts.requestMs : timeouts.perTryMs;
  if (wanted === 0) return undefined;
  if (timeouts.requestMs === 0) return wanted;
  return elapsedMs >= timeouts.requestMs ? 1 : Math.min(wanted, timeouts.requestMs - elapsedMs);
}

const grpcUnits: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Parses a `grpc-timeout` field; parts of a millisecond round up. */
export function grpcTimeoutMs(value: string | undefined): number | undefined {
  const found = value === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(value);
  return found === null ? undefined : Math.ceil(Number(found[1]) * (grpcUnits[found[2] as string] as number));
}

/** Milliseconds as a `grpc-timeout` field: the finest unit whose number has at most eight digits. */
export function formatGrpcTimeout(ms: number): string {
  if (ms < 1e8) return `${ms}m`;
  if (ms < 1e11) return `${Math.floor(ms / 1000)}S`;
  return `${Math.min(Math.floor(ms / 60_000), 99_999_999)}M`;
}

/** A decimal unsigned integer, as Envoy's header parsing takes it. */
export function unsigned(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\+?\d{1,19}\s*$/.test(value) ? Number(value) : undefined;
}
