import type { Cluster } from "../cluster.js";
import { type Issue, throwIssues } from "../errors.js";
import type { PickContext } from "../pick.js";
import { Exchange } from "./undici-exchange.js";

/** What undici hands to a handler to steer a request; the part that is used here. */
export interface UndiciController {
  /** Ends the request. */
  abort(reason: Error): void;
  /** Stops the response for a while. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
  /** Whether it was ended from this side. */
  readonly aborted: boolean;
  /** Whether the response stands still. */
  readonly paused: boolean;
  /** Why it was ended from this side. */
  readonly reason: Error | null;
  /** Response headers as they came. */
  readonly rawHeaders?: unknown;
  /** Response trailers as they came. */
  readonly rawTrailers?: unknown;
}

/** A handler as undici 7 gives it to interceptors; the part that is used here. */
export interface UndiciHandler {
  /** The request is on its way. */
  onRequestStart?(controller: UndiciController, context: unknown): void;
  /** The connection became something else. */
  onRequestUpgrade?(controller: UndiciController, status: number, headers: UndiciHeaders, socket: unknown): void;
  /** Status and headers are there. */
  onResponseStart?(controller: UndiciController, status: number, headers: UndiciHeaders, message?: string): void;
  /** A part of the body is there. */
  onResponseData?(controller: UndiciController, chunk: Uint8Array): void;
  /** The response is complete. */
  onResponseEnd?(controller: UndiciController, trailers: UndiciHeaders): void;
  /** Nothing more will come. */
  onResponseError?(controller: UndiciController, error: Error): void;
}

/** Response headers by lower-case name. */
export type UndiciHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Options of a dispatch; the part that is used here. */
export interface UndiciDispatchOptions {
  /** Scheme, host and port of the URL. */
  readonly origin?: string | URL;
  /** In capital letters. */
  readonly method: string;
  /** Only texts and bytes can be sent again. */
  readonly body?: unknown;
  /** A record, a flat list or an iterable of pairs. */
  readonly headers?: unknown;
}

/** How {@link lbInterceptor} retries. */
export interface LbInterceptorOptions {
  /** Further attempts at most, a whole number. Default: 1. */
  readonly retries?: number;
  /** Statuses to retry on another host. Default: 502, 503 and 504. */
  readonly retryStatuses?: readonly number[];
  /** Methods that may be sent twice. Default: GET, HEAD, OPTIONS, PUT, DELETE and TRACE. */
  readonly retryMethods?: readonly string[];
  /** What the balancer may know of a request: hash, metadata, priority. Default: nothing. */
  readonly context?: (options: UndiciDispatchOptions) => PickContext;
}

/** Sends a request and feeds a handler. */
export type UndiciDispatch = (options: UndiciDispatchOptions, handler: UndiciHandler) => boolean;

/** What undici's `compose` takes, whatever the version of its types: it gives back what it was given. */
export type UndiciInterceptor = <D extends (options: never, handler: never) => boolean>(dispatch: D) => D;

/**
 * Sends undici's requests to the hosts of a cluster: `new Agent().compose(lbInterceptor(cluster))`. The origin of a URL
 * then only gives scheme, host header and name for TLS; the address comes from the balancer. Failures count for outlier
 * detection, and what may be retried goes to another host while the cluster's retry budget lasts. Closing or destroying
 * the agent ends its requests, which counts against no host.
 *
 * A request without a host fails with an {@link LbError} `ERR_LB_NO_HOST` that names the reason.
 *
 * @throws {@link LbError} `ERR_LB_CONFIG_INVALID` with every option that cannot be accepted.
 */
export function lbInterceptor(cluster: Cluster, options: LbInterceptorOptions = {}): UndiciInterceptor {
  throwIssues(checkOptions(options));
  const intercept =
    (dispatch: UndiciDispatch): UndiciDispatch =>
    (request, handler) =>
      new Exchange(cluster, options, dispatch, request, handler).attempt();
  // Undici's own types have more fields, which pass through here as they are.
  return intercept as never;
}

function checkOptions({ retries, retryStatuses, retryMethods, context }: LbInterceptorOptions): readonly Issue[] {
  const issues: Issue[] = [];
  const expect = (fits: boolean, path: string, message: string): void => {
    if (!fits) issues.push({ code: "ERR_LB_CONFIG_INVALID", path, message });
  };
  expect(retries === undefined || (Number.isInteger(retries) && retries >= 0), "retries", "must be an integer from 0");
  expect(retryStatuses === undefined || Array.isArray(retryStatuses), "retryStatuses", "must be a list of statuses");
  expect(retryMethods === undefined || Array.isArray(retryMethods), "retryMethods", "must be a list of methods");
  expect(context === undefined || typeof context === "function", "context", "must be a function");
  return issues;
}
