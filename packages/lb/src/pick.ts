import type { Hash64 } from "./hash/hash64.js";
import type { HashRequest } from "./hash-policy.js";
import type { Host, Metadata } from "./host.js";
import type { HostOverride } from "./host-override.js";
import type { LoadReport } from "./orca.js";
import type { HostPredicate, RetryPriority } from "./retry.js";

/** Which circuit breaker thresholds a request counts against. */
export type RoutingPriority = "DEFAULT" | "HIGH";

/** What a balancer may know of a request. Every field is optional; `{}` is a plain first attempt. */
export interface PickContext {
  /** The request hash, unsigned 64 bits; hash policies draw a random one when it is absent. A pair allocates less. */
  readonly hash?: Hash64 | bigint | undefined;
  /** What to hash when the policy has hash policies of its own. */
  readonly request?: HashRequest;
  /** The route's `envoy.lb` metadata match, for subsets. */
  readonly metadataMatch?: Metadata | undefined;
  /** Circuit breaker thresholds to count against. Default: `"DEFAULT"`. */
  readonly routingPriority?: RoutingPriority;
  /** Hosts of earlier attempts of the same request, oldest first. Non-empty makes this pick a retry. */
  readonly attempted?: readonly Host[];
  /** Hosts to pass over on a retry, for example {@link previousHosts}. Default: none. */
  readonly hostPredicates?: readonly HostPredicate[];
  /** How often a rejected host is redrawn; the last one is used even if rejected. Default: 1, as in Envoy. */
  readonly hostSelectionRetryMaxAttempts?: number;
  /**
   * Changes the priority loads on retries, for example {@link previousPriorities}. Ring hash and Maglev keep to the
   * priority of the request's hash, as in Envoy. Default: none.
   */
  readonly retryPriority?: RetryPriority;
  /** Reads a request header by lower-case name; used by the override host policy. */
  readonly header?: (name: string) => string | undefined;
  /** Reads request metadata of a filter by path; used by the override host policy. */
  readonly dynamicMetadata?: (filter: string, path: readonly string[]) => unknown;
  /** The host this request's session keeps to; asked before the policy, and by first attempts only. Default: none. */
  readonly overrideHost?: HostOverride;
  /** Writes request metadata of a filter; called by the override host policy with the host it chose. */
  readonly setDynamicMetadata?: (filter: string, path: readonly string[], value: string) => void;
  /** The address a captured connection was meant for; used by `ORIGINAL_DST` clusters. */
  readonly originalDestination?: string;
}

/** What became of a request, in the words of the outlier detector. */
export type OutcomeResult =
  /** The upstream answered; `status` says how. Without a status the answer counts as success. */
  | "response"
  /** The upstream answered with a failure that has no HTTP status. */
  | "request-failed"
  /** We gave up waiting. */
  | "timeout"
  /** No connection, or it was reset under the request. */
  | "connect-failed"
  /** A connection came up and a request follows on it: nothing is known yet. */
  | "connected"
  /** A connection came up and that is all there is to know (TCP). */
  | "connected-final"
  /** The caller went away: nothing is learnt about the host. */
  | "aborted";

/** What became of a request. */
export interface Outcome {
  /** The kind of end. */
  readonly result: OutcomeResult;
  /** HTTP status, 100–599; for gRPC the HTTP status its code maps to. */
  readonly status?: number;
  /** The response carried `x-envoy-degraded`. Default: false. */
  readonly degraded?: boolean;
  /** The response carried `x-envoy-immediate-health-check-fail`. Default: false. */
  readonly immediateHealthCheckFail?: boolean;
  /** Load the backend reported about itself. */
  readonly load?: LoadReport;
  /** Milliseconds to the first response data. Default: from the pick to the report of this outcome. */
  readonly latencyMs?: number;
  /** Milliseconds the upstream asked us to stay away (`retry-after`, gRPC push-back). */
  readonly retryAfterMs?: number;
}

/** Why there is no host. */
export type NoHostReason =
  /** The cluster, or the subset chosen, has no host that may be used (Envoy's `UH`). */
  | "no-healthy-host"
  /** A `drop_overloads` category took the request (`DO`). */
  | "dropped"
  /** `max_requests` of the routing priority is reached (`UO`). */
  | "overflow"
  /** The cluster was disposed. */
  | "disposed";

/** A host to send the request to, and the hold on it. */
export interface HostPick {
  /** Tells a host from no host. */
  readonly kind: "host";
  /** Where to send the request. */
  readonly host: Host;
  /**
   * Reports what happened without giving the hold back: for when response headers arrive long before the body ends.
   * Only the first report counts; `connected` comes before it and does not use it up.
   */
  report(outcome: Outcome): void;
  /**
   * Gives back what the pick holds (active request, circuit breaker and retry permits) and reports the outcome if
   * none was reported. Call it exactly once on every way out; a second call does nothing.
   */
  done(outcome: Outcome): void;
}

/** No host, with the reason; a value, never an exception. */
export interface NoPick {
  /** Tells a host from no host. */
  readonly kind: "none";
  /** Why. */
  readonly reason: NoHostReason;
}

/** The answer of {@link Cluster.pick}. */
export type Pick = HostPick | NoPick;
