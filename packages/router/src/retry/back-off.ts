import type { RetryPolicy, RetryPolicy_RateLimitedRetryBackOff } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower } from "../ascii.js";
import { durationMs } from "../duration.js";
import { fieldOf } from "../header/list.js";
import type { Random } from "../random.js";
import type { HeaderList } from "../request.js";
import type { Scope } from "../scope.js";

/** Exponential back-off with full jitter. */
export interface BackOff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Reads `retry_back_off`; Envoy's default is 25 ms up to 250 ms. */
export function compileBackOff(policy: RetryPolicy, scope: Scope): BackOff {
  const configured = policy.retryBackOff;
  if (configured === undefined) return { baseMs: 25, maxMs: 250 };
  const where = scope.field("retry_back_off");
  if (configured.baseInterval === undefined) {
    where.field("base_interval").report("ERR_ROUTER_FIELD_INVALID", "expected a duration, got none");
  }
  const baseMs = Math.max(1, durationMs(configured.baseInterval) ?? 25);
  const maxMs =
    configured.maxInterval === undefined ? baseMs * 10 : Math.max(1, durationMs(configured.maxInterval) ?? 0);
  if (maxMs < baseMs) {
    where.field("max_interval").report("ERR_ROUTER_FIELD_INVALID", `expected at least base_interval, got ${maxMs} ms`);
  }
  return { baseMs, maxMs };
}

/** The wait before retry number `retry` (from 1): uniform in `[0, min(base · 2^(retry − 1), max))`. */
export function backOffMs(backOff: BackOff, retry: number, random: Random): number {
  const ceiling = Math.min(backOff.baseMs * 2 ** Math.min(retry - 1, 40), backOff.maxMs);
  return Math.floor(random() * ceiling);
}

interface ResetHeader {
  readonly name: string;
  readonly format: "SECONDS" | "UNIX_TIMESTAMP";
}

/** Back-off that a rate-limited response asks for. */
export interface RateLimitedBackOff {
  readonly headers: readonly ResetHeader[];
  readonly maxMs: number;
}

/** Reads `rate_limited_retry_back_off`; the longest accepted wait is 300 s unless configured. */
export function compileRateLimited(
  configured: RetryPolicy_RateLimitedRetryBackOff | undefined,
  scope: Scope,
): RateLimitedBackOff | undefined {
  if (configured === undefined) return undefined;
  const headers = (configured.resetHeaders ?? []).map(
    (header): ResetHeader => ({
      name: asciiLower(header.name ?? ""),
      format: header.format === "UNIX_TIMESTAMP" || header.format === 1 ? "UNIX_TIMESTAMP" : "SECONDS",
    }),
  );
  if (headers.length === 0)
    scope.field("reset_headers").report("ERR_ROUTER_FIELD_INVALID", "expected at least one header, got none");
  return { headers, maxMs: Math.max(1, durationMs(configured.maxInterval) ?? 300_000) };
}

/** The wait that a response's own fields ask for; `undefined` if none does, or for longer than allowed. */
export function rateLimitedMs(
  backOff: RateLimitedBackOff,
  headers: HeaderList,
  now: number,
  random: Random,
): number | undefined {
  for (const { name, format } of backOff.headers) {
    const value = fieldOf(headers, name);
    if (value === undefined || !/^\d{1,15}$/.test(value)) continue;
    const seconds = format === "SECONDS" ? Number(value) : Number(value) - Math.floor(now / 1000);
    if (seconds < 0) continue;
    const ms = seconds * 1000;
    if (ms > backOff.maxMs) continue;
    return ms > 1 ? ms + Math.floor(random() * ms * 0.5) : undefined;
  }
  return undefined;
}
