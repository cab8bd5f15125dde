import type { Permit } from "../circuit-breaker-options.js";
import type { Cluster } from "../cluster.js";
import type { Host } from "../host.js";
import type { HostPick, Outcome, PickContext } from "../pick.js";
import { responseOutcome } from "../response-outcome.js";
import { previousHosts } from "../retry.js";
import { noHost } from "./no-host.js";
import type {
  LbInterceptorOptions,
  UndiciController,
  UndiciDispatch,
  UndiciDispatchOptions,
  UndiciHandler,
  UndiciHeaders,
} from "./undici.js";
import { DRAIN_MS } from "./undici-attempt.js";
import { codeOf, isCallers } from "./undici-error.js";

const RETRY_STATUSES: readonly number[] = [502, 503, 504];
const RETRY_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"];

/** One request with all its attempts. */
export class Exchange {
  readonly handler: UndiciHandler;
  readonly steering: Steering = new Steering();
  private readonly cluster: Cluster;
  private readonly options: LbInterceptorOptions;
  private readonly dispatch: UndiciDispatch;
  private readonly request: UndiciDispatchOptions;
  private readonly attempted: Host[] = [];
  private context: PickContext | undefined;
  /** To retry; held until the retry is over. */
  private permit: Permit | undefined;

  constructor(
    cluster: Cluster,
    options: LbInterceptorOptions,
    dispatch: UndiciDispatch,
    request: UndiciDispatchOptions,
    handler: UndiciHandler,
  ) {
    this.cluster = cluster;
    this.options = options;
    this.dispatch = dispatch;
    this.request = request;
    this.handler = handler;
  }

  /** Never throws: what goes wrong goes to the handler, also what an option or another interceptor throws. */
  attempt(): boolean {
    let pick: HostPick | undefined;
    try {
      this.context ??= this.options.context?.(this.request) ?? {};
      const found = this.cluster.pick({
        hostPredicates: [previousHosts],
        hostSelectionRetryMaxAttempts: 3,
        ...this.context,
        attempted: this.attempted,
      });
      if (found.kind === "none") throw noHost(this.cluster, found.reason);
      pick = found;
      return this.dispatch(redirected(this.request, pick.host), new Attempt(this, pick));
    } catch (error) {
      pick?.done({ result: "aborted" });
      this.fail(asError(error));
      return true;
    }
  }

  /** Takes a unit of the retry budget if everything else speaks for another attempt. */
  mayRetry(status?: number): boolean {
    const { retries = 1, retryMethods = RETRY_METHODS, retryStatuses = RETRY_STATUSES } = this.options;
    if (this.attempted.length >= retries || this.steering.aborted) return false;
    if (status !== undefined && !retryStatuses.includes(status)) return false;
    if (!retryMethods.includes(this.request.method) || !isReplayable(this.request.body)) return false;
    this.permit?.release();
    this.permit = this.cluster.admit("retry", this.context?.routingPriority);
    return this.permit !== undefined;
  }

  /**
   * Another attempt, once undici is done with this one: it reports a failed connection while it empties that host's
   * queue and must find it empty afterwards, and the next attempt may go to the same host.
   */
  retry(failed: Host): void {
    this.attempted.push(failed);
    queueMicrotask(() => {
      if (this.steering.reason === null) this.attempt();
      else this.fail(this.steering.reason);
    });
  }

  /** What became of an attempt whose end is the request's, or the host's. */
  outcomeOf(error: Error): Outcome {
    if (this.steering.aborted || isCallers(error, this.request.body)) return { result: "aborted" };
    return { result: TIMEOUTS.includes(codeOf(error)) ? "timeout" : "connect-failed" };
  }

  /** Calls the handler. What it throws ends the request in undici, and says nothing about the host. */
  tell(call: (handler: UndiciHandler) => void): void {
    try {
      call(this.handler);
    } catch (error) {
      this.steering.reason ??= asError(error);
      throw error;
    }
  }

  over(): void {
    this.permit?.release();
  }

  fail(error: Error): void {
    this.over();
    this.handler.onResponseError?.(this.steering, error);
  }
}

/** One attempt, and what undici has to say about it. */
class Attempt implements UndiciHandler {
  private readonly exchange: Exchange;
  private readonly pick: HostPick;
  private responding = false;
  /** Another attempt has taken over; this response is read to its end so that its connection can serve on. */
  private dropped = false;
  private draining: ReturnType<typeof setTimeout> | undefined;

  constructor(exchange: Exchange, pick: HostPick) {
    this.exchange = exchange;
    this.pick = pick;
  }

  onRequestStart(controller: UndiciController, context: unknown): void {
    const { exchange } = this;
    if (exchange.steering.follow(controller)) {
      exchange.tell((handler) => handler.onRequestStart?.(exchange.steering, context));
    }
  }

  onRequestUpgrade(_: UndiciController, status: number, headers: UndiciHeaders, socket: unknown): void {
    const { exchange, pick } = this;
    const outcome: Outcome = { result: "connected-final" };
    pick.report(outcome);
    exchange.over();
    // What it became keeps the host busy until it closes.
    if (isSocket(socket) && !socket.destroyed) socket.once("close", () => pick.done(outcome));
    else pick.done(outcome);
    exchange.tell((handler) => handler.onRequestUpgrade?.(exchange.steering, status, headers, socket));
  }

  onResponseStart(controller: UndiciController, status: number, headers: UndiciHeaders, message?: string): void {
    const { exchange, pick } = this;
    if (status >= 200) {
      pick.report(responseOutcome(status, (name) => [headers[name]].flat()[0]));
      if (exchange.mayRetry(status)) {
        this.dropped = true;
        this.draining = setTimeout(() => controller.abort(new Error("nobody wants the rest")), DRAIN_MS);
        exchange.retry(pick.host);
        return;
      }
      this.responding = true;
      exchange.steering.open();
    }
    exchange.tell((handler) => handler.onResponseStart?.(exchange.steering, status, headers, message));
  }

  onResponseData(_: UndiciController, chunk: Uint8Array): void {
    const { exchange } = this;
    if (!this.dropped) exchange.tell((handler) => handler.onResponseData?.(exchange.steering, chunk));
  }

  onResponseEnd(_: UndiciController, trailers: UndiciHeaders): void {
    const { exchange } = this;
    clearTimeout(this.draining);
    this.pick.done({ result: "response" });
    if (this.dropped) return;
    exchange.over();
    exchange.tell((handler) => handler.onResponseEnd?.(exchange.steering, trailers));
  }

  onResponseError(_: UndiciController, error: Error): void {
    const { exchange, pick } = this;
    clearTimeout(this.draining);
    const outcome = exchange.outcomeOf(error);
    pick.done(outcome);
    if (this.dropped) return;
    if (!this.responding && outcome.result !== "aborted" && exchange.mayRetry()) exchange.retry(pick.host);
    else exchange.fail(error);
  }
}

/** Steers whichever attempt is under way; the caller keeps the same one for all of them. */
class Steering implements UndiciController {
  /** Why the request was ended from this side. */
  reason: Error | null = null;
  paused = false;
  private target: UndiciController | undefined;
  private opened = false;

  get aborted(): boolean {
    return this.reason !== null;
  }

  get rawHeaders(): unknown {
    return this.target?.rawHeaders;
  }

  get rawTrailers(): unknown {
    return this.target?.rawTrailers;
  }

  abort(reason: Error): void {
    this.reason ??= asError(reason ?? new Error("aborted"));
    this.target?.abort(this.reason);
  }

  pause(): void {
    this.paused = true;
    // A response that is going to be dropped must not stand still.
    if (this.opened) this.target?.pause();
  }

  resume(): void {
    this.paused = false;
    if (this.opened) this.target?.resume();
  }

  /** Steers another attempt; true if it is the first. */
  follow(target: UndiciController): boolean {
    const first = this.target === undefined;
    this.target = target;
    if (this.reason !== null) target.abort(this.reason);
    return first;
  }

  /** From now on the response is the caller's. */
  open(): void {
    this.opened = true;
    if (this.paused) this.target?.pause();
  }
}

function isReplayable(body: unknown): boolean {
  return body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array;
}

const TIMEOUTS: readonly string[] = ["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT"];

function isSocket(socket: unknown): socket is { destroyed: boolean; once(event: "close", listener: () => void): void } {
  return typeof socket === "object" && socket !== null && "once" in socket && "destroyed" in socket;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The same request to a host's address, still under its own name, which TLS then asks for too. */
function redirected(request: UndiciDispatchOptions, host: Host): UndiciDispatchOptions {
  // undici refuses it in its own words.
  if (!URL.canParse(String(request.origin))) return request;
  const origin = new URL(String(request.origin));
  return {
    ...request,
    origin: `${origin.protocol}//${host.address}`,
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
  if (typeof headers !== "object") return headers;
  if (Symbol.iterator in headers) {
    return withHost([...(headers as Iterable<readonly [string, string]>)].flat(), host);
  }
  const named = Object.keys(headers).some((name) => name.toLowerCase() === "host");
  return named ? headers : { ...headers, host };
}
