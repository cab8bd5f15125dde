import type { RoutingPriority } from "./pick.js";

/** Retries allowed as a share of the requests in flight, the way Envoy counts. */
export interface ConcurrencyRetryBudget {
  /** Tells the kinds of budget apart. Default when absent: this kind. */
  readonly kind?: "concurrency";
  /** Percent of active and pending requests that may be retries, 0–100. Default: 20, as in Envoy. */
  readonly budgetPercent?: number;
  /**
   * Milliseconds: counts the requests that began within this time, retries among them, instead of those in flight.
   * Default: 0, those in flight.
   */
  readonly budgetIntervalMs?: number;
  /** Retries that are always allowed at a time. Default: 3, as in Envoy. */
  readonly minRetryConcurrency?: number;
}

/** Retries allowed as a share of the requests of the last seconds, the way Linkerd and Finagle count. */
export interface WindowRetryBudget {
  /** Tells the kinds of budget apart. */
  readonly kind: "window";
  /** Length of the window in milliseconds, 1000–60000. Default: 10000. */
  readonly ttlMs?: number;
  /** Retries per second that are allowed without any traffic. Default: 10. */
  readonly minPerSec?: number;
  /** Retries for each original request, 0–1000. Default: 0.2. */
  readonly retryRatio?: number;
}

/** Limits for one routing priority; numbers are what the cluster may have at a time. */
export interface CircuitBreakerOptions {
  /** Requests of which priority. Of two entries for the same priority the first wins. Default: `"DEFAULT"`. */
  readonly priority?: RoutingPriority;
  /** Default: 1024, as in Envoy. */
  readonly maxConnections?: number;
  /** Default: 1024, as in Envoy. */
  readonly maxPendingRequests?: number;
  /** Default: 1024, as in Envoy. */
  readonly maxRequests?: number;
  /** Default: 3, as in Envoy. Not used when there is a retry budget. */
  readonly maxRetries?: number;
  /** Default: no limit. */
  readonly maxConnectionPools?: number;
  /** Connections to one host; counted where `admit("connection", …)` is told the host. Default: no limit. */
  readonly maxConnectionsPerHost?: number;
  /** Takes the place of `maxRetries`. Default: none. */
  readonly retryBudget?: ConcurrencyRetryBudget | WindowRetryBudget;
  /** Publish `remaining_*` gauges. Default: false. */
  readonly trackRemaining?: boolean;
}

/** What a circuit breaker limits. */
export type Resource = "connection" | "connection-pool" | "pending" | "request" | "retry";

/** A hold on one unit of a {@link Resource}; disposing it twice gives it back once. */
export interface Permit extends Disposable {
  /** Gives the unit back. */
  release(): void;
}
