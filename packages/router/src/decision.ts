import type { Random } from "./random.js";
import type { HeaderList } from "./request.js";
import type { Outcome, RetryVerdict } from "./retry/outcome.js";
import type { RouteSettings } from "./route-settings.js";

export type { Outcome, ResetReason, RetryVerdict } from "./retry/outcome.js";

/** What one call of `route()` gets besides the request. */
export interface RouteContext {
  /** Drawn at most once for the whole decision, once more for each back-off, and sixteen times for each `%UNIQUE_ID%`. */
  readonly random: Random;
  /** Milliseconds since the Unix epoch, for `%START_TIME%` and rate-limit reset headers. */
  readonly now: number;
  /**
   * Asked for each matching route in order; false goes on to the next one, and `more` says whether routes follow it in its list.
   * Default: the first match is taken.
   */
  readonly accept?: ((route: RouteInfo, more: boolean) => boolean) | undefined;
}

/** The answer for one request. Branch on `kind`; everything but `forward` has a ready `reply()`. */
export type Decision = Forward | Redirect | DirectResponse | NoRoute;

/** The virtual host that was chosen. */
export interface VirtualHostInfo {
  /** Its `name`. */
  readonly name: string;
  /** Its metadata by filter name, as plain JSON values. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Which path test a route has, as written in its configuration. */
export interface PathPattern {
  /** The path specifier's kind. */
  readonly kind: "prefix" | "path" | "path-separated-prefix" | "regex" | "template" | "connect" | "extension";
  /** The configured text; empty for connect. */
  readonly value: string;
}

/** The route that was chosen: enough to log it and to find it again in the configuration. */
export interface RouteInfo {
  /** Its `name`; empty if it has none. */
  readonly name: string;
  /** Position in the virtual host's list; −1 for a route out of a matcher tree or made by `require_tls`. */
  readonly index: number;
  /** Where it stands: `virtual_hosts[0].routes[2]`. */
  readonly path: string;
  /** Its path test, for metrics and logs. */
  readonly pattern: PathPattern;
  /** Its metadata by filter name, as plain JSON values. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Its `stat_prefix`; empty if it has none. */
  readonly statPrefix: string;
}

/** An answer that the proxy gives itself. */
export interface LocalReply {
  /** HTTP status; 200 towards gRPC clients, whose status stands in `grpc-status`. */
  readonly status: number;
  /** Response fields in order. */
  readonly headers: HeaderList;
  /** Body as latin1 text, one character a byte; empty for none. */
  readonly body: string;
  /** Status, body and the fields that do not follow from them, before the form for gRPC or HEAD: what `local_reply_config` works on. */
  readonly original: {
    /** HTTP status. */
    readonly status: number;
    /** Fields without those of the body. */
    readonly headers: HeaderList;
    /** Body as latin1 text. */
    readonly body: string;
  };
}

/** An answer to give in place of what was decided: of a filter that refuses, or for a path that the connection manager refuses. */
export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  /** Body as latin1 text. Default: none. */
  readonly body?: string | undefined;
  /** Fields that the route's mutations do not touch, such as `location`. Default: none. */
  readonly headers?: HeaderList | undefined;
  /** What `%RESPONSE_CODE_DETAILS%` is. */
  readonly details?: string | undefined;
  /** What `%RESPONSE_FLAGS%` is. Default `-`. */
  readonly flags?: string | undefined;
}

/** The request as it goes upstream. */
export interface UpstreamRequest {
  /** `:method`. */
  readonly method: string;
  /** `:scheme`. */
  readonly scheme: string;
  /** `:authority` after host rewriting. */
  readonly authority: string;
  /** `:path` after path rewriting; absent on a plain CONNECT. */
  readonly path: string | undefined;
  /** All other fields after mutation. */
  readonly headers: HeaderList;
}

/** What is known of an attempt when it is sent. */
export interface Sending {
  /** Name of the chosen host: the authority, where the route has `auto_host_rewrite`. */
  readonly hostname?: string | undefined;
  /** Whether a per-try timeout caused the attempt; it shows in `x-envoy-is-timeout-retry`. */
  readonly afterTimeout?: boolean | undefined;
}

/** Time limits of a forwarded request, in milliseconds. */
export interface Timeouts {
  /** For the whole request with its retries, from when it is fully received; 0 is none. Envoy's default: 15,000. */
  readonly requestMs: number;
  /** For each attempt; 0 is none. */
  readonly perTryMs: number;
  /** Without a byte in either direction during one attempt; 0 is none. */
  readonly perTryIdleMs: number;
  /** Without activity on the stream; 0 is none; absent leaves it to the connection manager. */
  readonly idleMs?: number | undefined;
  /** For writing out what is buffered; absent leaves it to the connection manager. */
  readonly flushMs?: number | undefined;
  /** For the stream from its start; 0 expires at once; absent is none from the route. */
  readonly maxStreamMs?: number | undefined;
}

/**
 * A copy of the request to send elsewhere, its answer to be thrown away. Envoy puts `x-envoy-internal: true` and its own address in
 * `x-forwarded-for` on it besides: that is left to the sender.
 */
export interface Mirror {
  /** Where to. */
  readonly cluster: string;
  /** The copy, with `-shadow` on its authority unless switched off. */
  readonly request: UpstreamRequest;
  /** Whether its trace is sampled: set by configuration, or as the original. */
  readonly traceSampled?: boolean | undefined;
}

/** What the CORS policy says about a request. */
export type CorsVerdict =
  | {
      /** Tells the variants apart. */
      readonly kind: "none";
    }
  | {
      /** Tells the variants apart. */
      readonly kind: "preflight";
      /** Answer the preflight with this. */
      readonly reply: LocalReply;
    }
  | {
      /** Tells the variants apart. */
      readonly kind: "actual";
      /** Forward, and set these fields on the response. */
      readonly headers: HeaderList;
    };

/** One rate-limit descriptor. */
export interface RateLimitDescriptor {
  /** Key and value pairs in order. */
  readonly entries: readonly {
    /** What the entry is about. */
    readonly key: string;
    /** Its value for this request. */
    readonly value: string;
  }[];
  /** Stage 0–10. */
  readonly stage: number;
  /** Runtime key that disables it, if it has one. */
  readonly disableKey: string;
  /** How many hits it counts, below 0 to give some back; 1 unless configured. */
  readonly hitsAddend: number;
  /** Whether it is to be reported when the stream ends. */
  readonly onStreamDone: boolean;
  /** Whether `x-ratelimit-*` fields go into the response; absent leaves it to the filter. */
  readonly responseHeaders?: "off" | "draft-03" | undefined;
  /** An override of the limit. */
  readonly limit?:
    | {
        /** How many requests. */
        readonly requestsPerUnit: number;
        /** Per what: `SECOND`, `MINUTE`, … */
        readonly unit: string;
      }
    | undefined;
}

/** What to do with a redirect that came from upstream. */
export type InternalRedirectVerdict =
  | {
      /** Tells the variants apart. */
      readonly kind: "pass";
      /** Why the answer goes to the client. */
      readonly reason: string;
    }
  | {
      /** Tells the variants apart. */
      readonly kind: "follow";
      /** Route this request instead. */
      readonly request: UpstreamRequest;
      /** Whether the body is left out: a 303 turns the method into GET. */
      readonly dropBody: boolean;
      /** Name of the route that takes it: one of `visited` next time. */
      readonly routeName?: string;
    };

/** Send the request to a cluster. */
export interface Forward {
  /** Tells this variant apart. */
  readonly kind: "forward";
  /** The chosen host. */
  readonly virtualHost: VirtualHostInfo;
  /** The chosen route. */
  readonly route: RouteInfo;
  /** Where to; never empty. */
  readonly cluster: string;
  /** `DEFAULT` or `HIGH`: which circuit breakers count it. */
  readonly priority: "DEFAULT" | "HIGH";
  /** All time limits, request headers included. */
  readonly timeouts: Timeouts;
  /** How often it may be retried at most; 0 if nothing is ever retried. */
  readonly maxRetries: number;
  /** Whether a per-try timeout starts another attempt beside the running one. */
  readonly hedgeOnPerTryTimeout: boolean;
  /** Endpoint metadata the host must have (`envoy.lb`), as plain JSON; absent for any. */
  readonly metadataMatch?: Readonly<Record<string, unknown>> | undefined;
  /** What the configuration leaves to the proxy: tracing, buffers, early data, hosts for retries. */
  readonly settings: RouteSettings;
  /** The status of a request that took too long: 504, or 204 if the client asked for that. */
  readonly timeoutStatus: 504 | 204;
  /**
   * The request to send.
   *
   * @param attempt - Which attempt this is, from 1; it shows in `x-envoy-attempt-count`.
   */
  request(attempt?: number, sending?: Sending): UpstreamRequest;
  /**
   * Response fields after the route's mutations, and after {@link Forward.hash} with the cookies that it made.
   *
   * @param attempt - Which attempt it answers, from 1.
   */
  response(status: number, headers: HeaderList, attempt?: number): HeaderList;
  /** Whether to try again after `outcome` of attempt number `attempt` (from 1), at `now` (Unix ms). */
  retry(outcome: Outcome, attempt: number, now: number): RetryVerdict;
  /** Copies to send. */
  mirrors(): readonly Mirror[];
  /** The 64-bit hash of the hash policy, for ring hash and maglev; absent if no entry gives one. */
  hash(): bigint | undefined;
  /** The virtual cluster's name in statistics: `other` if none matches, empty if the host has none configured. */
  virtualCluster(): string;
  /** Rate-limit descriptors, of one stage or of all. */
  rateLimits(stage?: number): readonly RateLimitDescriptor[];
  /** What CORS says. */
  cors(): CorsVerdict;
  /** The most specific configuration for a filter instance; absent if there is none or it is disabled. */
  filterConfig(name: string): FilterConfigView | undefined;
  /** Whether an upgrade to `type` is allowed; absent leaves it to the connection manager. */
  upgrade(type: string): boolean | undefined;
  /** Whether to follow a redirect answer: `followed` is how many were followed before, `visited` the routes they led to from here. */
  internalRedirect(
    status: number,
    headers: HeaderList,
    followed: number,
    visited?: readonly string[],
  ): InternalRedirectVerdict;
  /** The answer of a filter that refuses: if the route forwards, with its response mutations, as Envoy gives them. */
  refuse(refusal: Refusal): LocalReply;
}

/** Per-filter configuration as seen from the chosen route. */
export interface FilterConfigView {
  /** Whether the filter is switched off here. */
  readonly disabled: boolean;
  /** The most specific message; absent if only `disabled` is set. */
  readonly config?: unknown;
  /** All messages, least specific first. */
  readonly all: readonly unknown[];
}

/** Answer with a redirect. */
export interface Redirect {
  /** Tells this variant apart. */
  readonly kind: "redirect";
  /** The chosen host. */
  readonly virtualHost: VirtualHostInfo;
  /** The chosen route; absent when `require_tls` redirects. */
  readonly route?: RouteInfo | undefined;
  /** 301, 302, 303, 307 or 308. */
  readonly status: number;
  /** The whole URL; empty for a plain CONNECT, whose answer says no location. */
  readonly location: string;
  /** The most specific configuration for a filter instance: filters such as RBAC come before this answer. Absent if there is none. */
  filterConfig(name: string): FilterConfigView | undefined;
  /** The complete answer. */
  reply(): LocalReply;
  /** The answer of a filter that refuses: if the route forwards, with its response mutations, as Envoy gives them. */
  refuse(refusal: Refusal): LocalReply;
}

/** Answer from the configuration, or because the chosen cluster does not exist. */
export interface DirectResponse {
  /** Tells this variant apart. */
  readonly kind: "direct-response";
  /** The chosen host. */
  readonly virtualHost: VirtualHostInfo;
  /** The chosen route. */
  readonly route: RouteInfo;
  /** Envoy's RESPONSE_CODE_DETAILS. */
  readonly details: "direct_response" | "cluster_not_found";
  /** 200–599. */
  readonly status: number;
  /** The cluster that does not exist; absent for a configured answer. Empty if a header should have named it. */
  readonly cluster?: string | undefined;
  /** What CORS says: of a configured answer always nothing. */
  cors(): CorsVerdict;
  /** The most specific configuration for a filter instance: filters such as RBAC come before this answer. Absent if there is none. */
  filterConfig(name: string): FilterConfigView | undefined;
  /** The complete answer. */
  reply(): LocalReply;
  /** The answer of a filter that refuses: if the route forwards, with its response mutations, as Envoy gives them. */
  refuse(refusal: Refusal): LocalReply;
}

/** Nothing matched. */
export interface NoRoute {
  /** Tells this variant apart. */
  readonly kind: "no-route";
  /** Why. */
  readonly reason: "no-virtual-host" | "no-forwarded-proto" | "no-match";
  /** The chosen host, if it came that far. */
  readonly virtualHost?: VirtualHostInfo | undefined;
  /** Envoy's answer: 404, `route_not_found`. */
  reply(): LocalReply;
  /** The answer of a filter that refuses: if the route forwards, with its response mutations, as Envoy gives them. */
  refuse(refusal: Refusal): LocalReply;
}
