import type { Permit } from "../circuit-breaker-options.js";
import type { Cluster } from "../cluster.js";
import { LbError } from "../errors.js";
import type { Host } from "../host.js";
import type { HostPick, Outcome, PickContext } from "../pick.js";
import { previousHosts } from "../retry.js";

/** What undici hands to a handler to steer a request; the part that is used here. */
export interface UndiciController {
  /** Ends the request. */
  abort(reason: Error): void;
  /** Stops the response for a while. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
}

/** A handler as undici 7 gives it to interceptors; the part that is used here. */
export interface UndiciHandler {
  /** The request is on its way. */
  onRequestStart?(controller: UndiciController, context: unknown): void;
  /** The connection became something else. */
  onRequestUpgrade?(controller: UndiciController, status: number, headers: unknown, socket: unknown): void;
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
  /** A record, a flat list or pairs. */
  readonly headers?: unknown;
  /** Name for TLS. Default: the host of the URL. */
  readonly servername?: string | null;
}

/** How {@link lbInterceptor} retries. */
export interface LbInterceptorOptions {
  /** Further attempts at most. Default: 1. */
  readonly retries?: number;
  /** Statuses to retry on another host. Default: 502, 503 and 504. */
  readonly retryStatuses?: readonly number[];
  /** Methods that may be sent twice. Default: GET, HEAD, OPTIONS, PUT, DELETE and TRACE. */
  readonly retryMethods?: readonly string[];
  /** What the balancer may know of a request: hash, metadata, priority. Default: nothing. */
  readonly context?: (options: UndiciDispatchOptions) => PickContext;
}

const RETRY_STATUSES: readonly number[] = [502, 503, 504];
const RETRY_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"];

/** Sends a request and feeds a handler. */
export type UndiciDispatch<O> = (options: O, handler: UndiciHandler) => boolean;

/**
 * Sends undici's requests to the hosts of a cluster: `new Agent().compose(lbInterceptor(cluster))`. The origin of a URL
 * then only gives scheme and host header; the address comes from the balancer. Failures count for outlier detection,
 * and what may be retried goes to another host while the cluster's retry budget lasts.
 */
export function lbInterceptor<O extends UndiciDispatchOptions>(
  cluster: Cluster,
  options: LbInterceptorOptions = {},
): (dispatch: UndiciDispatch<O>) => UndiciDispatch<O> {
  return (dispatch) => (request, handler) => new Exchange(cluster, options, dispatch, request, handler).attempt();
}

/** One request with all its attempts. */
class Exchange<O extends UndiciDispatchOptions> implements UndiciHandler {
  private readonly cluster: Cluster;
  private readonly options: LbInterceptorOptions;
  private readonly dispatch: UndiciDispatch<O>;
  private readonly request: O;
  private readonly handler: UndiciHandler;
  private readonly attempted: Host[] = [];
  private controller: UndiciController | undefined;
  private pick: HostPick | undefined;
  private permit: Permit | undefined;
  private started = false;
  private responding = false;
  /** The response at hand is thrown away, and another attempt follows when it ends. */
  private discarding = false;
  private aborted: Error | undefined;

  constructor(
    cluster: Cluster,
    options: LbInterceptorOptions,
    dispatch: UndiciDispatch<O>,
    request: O,
    handler: UndiciHandler,
  ) {
    this.cluster = cluster;
    this.options = options;
    this.dispatch = dispatch;
    this.request = request;
    this.handler = handler;
  }

  attempt(): boolean {
    const pick = this.cluster.pick({
      ...this.options.context?.(this.request),
      ...(this.attempted.length > 0 && { attempted: this.attempted, hostPredicates: [previousHosts] }),
    });
    if (pick.kind === "none") {
      this.fail(
        new LbError([
          { code: "ERR_LB_NO_HOST", path: this.cluster.name || "cluster", message: `no host: ${pick.reason}` },
        ]),
      );
      return true;
    }
    this.pick = pick;
    this.discarding = false;
    return this.dispatch(redirected(this.request, pick.host), this);
  }

  onRequestStart(controller: UndiciController, context: unknown): void {
    this.controller = controller;
    if (this.aborted !== undefined) {
      controller.abort(this.aborted);
      return;
    }
    if (this.started) return;
    this.started = true;
    this.handler.onRequestStart?.(this.proxy(), context);
  }

  onRequestUpgrade(_: UndiciController, status: number, headers: unknown, socket: unknown): void {
    this.finish({ result: "connected-final" });
    this.handler.onRequestUpgrade?.(this.proxy(), status, headers, socket);
  }

  onResponseStart(_: UndiciController, status: number, headers: UndiciHeaders, message?: string): void {
    if (status < 200) {
      this.handler.onResponseStart?.(this.proxy(), status, headers, message);
      return;
    }
    this.pick?.report({
      result: "response",
      status,
      degraded: headers["x-envoy-degraded"] !== undefined,
      immediateHealthCheckFail: headers["x-envoy-immediate-health-check-fail"] !== undefined,
    });
    if ((this.options.retryStatuses ?? RETRY_STATUSES).includes(status) && this.mayRetry()) {
      this.discarding = true;
      return;
    }
    this.responding = true;
    this.handler.onResponseStart?.(this.proxy(), status, headers, message);
  }

  onResponseData(_: UndiciController, chunk: Uint8Array): void {
    if (!this.discarding) this.handler.onResponseData?.(this.proxy(), chunk);
  }

  onResponseEnd(_: UndiciController, trailers: UndiciHeaders): void {
    this.finish({ result: "response" }, this.discarding);
    if (this.discarding) {
      this.retry();
      return;
    }
    this.handler.onResponseEnd?.(this.proxy(), trailers);
  }

  onResponseError(_: UndiciController, error: Error): void {
    const outcome = outcomeOf(error);
    this.pick?.report(outcome);
    const again = !this.responding && outcome.result !== "aborted" && (this.discarding || this.mayRetry());
    this.finish(outcome, again);
    if (again) this.retry();
    else this.fail(error);
  }

  /** Takes a unit of the retry budget if everything else speaks for another attempt. */
  private mayRetry(): boolean {
    const { retries = 1, retryMethods = RETRY_METHODS } = this.options;
    if (this.attempted.length >= retries || this.aborted !== undefined) return false;
    if (!retryMethods.includes(this.request.method) || !isReplayable(this.request.body)) return false;
    this.permit?.release();
    this.permit = this.cluster.admit("retry");
    return this.permit !== undefined;
  }

  /**
   * Another attempt, once undici is done with this one: it reports a failed connection while it empties that host's
   * queue and must find it empty afterwards, and the next attempt may go to the same host.
   */
  private retry(): void {
    if (this.pick) this.attempted.push(this.pick.host);
    queueMicrotask(() => {
      if (this.aborted === undefined) this.attempt();
      else this.fail(this.aborted);
    });
  }

  /** @param again - The permit to retry is still needed. */
  private finish(outcome: Outcome, again = false): void {
    this.pick?.done(outcome);
    if (!again) this.permit?.release();
  }

  private fail(error: Error): void {
    this.permit?.release();
    this.handler.onResponseError?.(this.proxy(), error);
  }

  /** Steers whichever attempt is under way. */
  private proxy(): UndiciController {
    return {
      abort: (reason) => {
        this.aborted = reason;
        this.controller?.abort(reason);
      },
      pause: () => this.controller?.pause(),
      resume: () => this.controller?.resume(),
    };
  }
}

function isReplayable(body: unknown): boolean {
  return body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array;
}

const TIMEOUTS: readonly string[] = ["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"];

function outcomeOf(error: Error): Outcome {
  const code = "code" in error ? String(error.code) : "";
  if (code === "UND_ERR_ABORTED" || error.name === "AbortError") return { result: "aborted" };
  return { result: TIMEOUTS.includes(code) ? "timeout" : "connect-failed" };
}

/** The same request to a host's address, still under its own name. */
function redirected<O extends UndiciDispatchOptions>(request: O, host: Host): O {
  const origin = new URL(String(request.origin));
  return {
    ...request,
    origin: `${origin.protocol}//${host.address}`,
    servername: request.servername ?? origin.hostname,
    headers: withHost(request.headers, origin.host),
  };
}

/** Adds a host header in whatever form the headers are; one that is there already stays. */
function withHost(headers: unknown, host: string): unknown {
  if (headers === undefined || headers === null) return { host };
  if (Array.isArray(headers)) {
    const named = headers.some((name, index) => index % 2 === 0 && String(name).toLowerCase() === "host");
    return named ? headers : [...headers, "host", host];
  }
  if (typeof headers === "object" && Symbol.iterator in headers) {
    return withHost([...(headers as Iterable<readonly [string, string]>)].flat(), host);
  }
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "host");
  return named ? headers : { ...headers, host };
}
