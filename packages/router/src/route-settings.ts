import type { RetryPolicy, Route, RouteAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { NamedConfig } from "./extension.js";
import { fractionOf } from "./match/fraction.js";
import type { CompiledHost } from "./virtual-host.js";

/** What a route says about tracing. */
export interface RouteTracing {
  /** Name of the span, of `tracing` or of the decorator; empty for the default. */
  readonly operation: string;
  /** Name of the upstream span; empty for the default. */
  readonly upstreamOperation: string;
  /** Whether the decorator's operation is sent along. Default true. */
  readonly propagate: boolean;
  /** Shares of one, of requests that ask for it, at random, and of all. Default 1. */
  readonly sampling: { readonly client: number; readonly random: number; readonly overall: number };
  /** The CustomTag messages, as they are. */
  readonly customTags: readonly unknown[];
}

/** Which hosts a retry may go to: for the balancer. */
export interface RetryHosts {
  /** Extensions that refuse a host, as they are configured. */
  readonly predicates: readonly NamedConfig[];
  /** The extension that changes priorities. */
  readonly priority?: NamedConfig | undefined;
  /** How many hosts are tried until one is not refused. Default 1. */
  readonly maxAttempts: number;
  /** Whether a retry chooses the cluster anew. */
  readonly refreshCluster: boolean;
  /** Extensions that change the options of an attempt. */
  readonly options: readonly NamedConfig[];
}

/** What a route's configuration leaves to the proxy to carry out. */
export interface RouteSettings {
  /** Whether the authority becomes the name of the host that is chosen: give the name to `request()`. */
  readonly autoHostRewrite: boolean;
  /** How much of a request's body is kept for retries, in bytes; absent for the connection's limit. */
  readonly bodyBufferBytes?: number | undefined;
  /** The extension that allows early data; absent allows it to safe methods. */
  readonly earlyDataPolicy?: NamedConfig | undefined;
  /** Tracing. */
  readonly tracing: RouteTracing;
  /** Retries and hosts. */
  readonly retryHosts: RetryHosts;
}

/** Reads what a route and its host leave to the proxy. */
export function settingsOf(route: Route, action: RouteAction, host: CompiledHost): RouteSettings {
  const retry = action.retryPolicy ?? host.config.retryPolicy;
  return {
    autoHostRewrite: action.autoHostRewrite === true,
    bodyBufferBytes: bufferOf(route, host),
    earlyDataPolicy: action.earlyDataPolicy,
    tracing: tracingOf(route),
    retryHosts: retryHosts(retry),
  };
}

/** The new field goes before the deprecated one, and the route before the host. */
function bufferOf(route: Route, { config: host }: CompiledHost): number | undefined {
  const limit = route.requestBodyBufferLimit ?? host.requestBodyBufferLimit;
  if (limit !== undefined) return Number(limit);
  return route.perRequestBufferLimitBytes ?? host.perRequestBufferLimitBytes;
}

function tracingOf({ tracing, decorator }: Route): RouteTracing {
  const share = (percent: Parameters<typeof fractionOf>[0]): number =>
    percent === undefined ? 1 : Math.min(1, fractionOf(percent));
  return {
    operation: tracing?.operation || (decorator?.operation ?? ""),
    upstreamOperation: tracing?.upstreamOperation ?? "",
    propagate: decorator?.propagate ?? true,
    sampling: {
      client: share(tracing?.clientSampling),
      random: share(tracing?.randomSampling),
      overall: share(tracing?.overallSampling),
    },
    customTags: tracing?.customTags ?? [],
  };
}

function retryHosts(retry: RetryPolicy | undefined): RetryHosts {
  const attempts = retry?.hostSelectionRetryMaxAttempts ?? 1n;
  return {
    predicates: retry?.retryHostPredicate ?? [],
    priority: retry?.retryPriority,
    maxAttempts: Math.max(1, Number(attempts)),
    refreshCluster: retry?.refreshClusterOnRetry === true,
    options: retry?.retryOptionsPredicates ?? [],
  };
}
