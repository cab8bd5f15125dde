import type { Host } from "../host.js";
import type { Outcome } from "../pick.js";
import { responseOutcome } from "../response-outcome.js";
import type { UndiciController, UndiciHandler } from "./undici.js";
import { isCallers } from "./undici-error.js";

/** Header fields as one flat list: name, value, name, value, … Values are bytes, one character each (latin1). */
export type FieldList = readonly string[];

/** A request for one host; what a route decision of `@weftmesh/router` gives fits. */
export interface AttemptRequest {
  /** In capital letters. */
  readonly method: string;
  /** With the query. Default: `/`. */
  readonly path?: string | undefined;
  /** What goes into `host`. */
  readonly authority: string;
  /** Fields without `host`. Those of a connection, such as `transfer-encoding`, are left out. */
  readonly headers: FieldList;
  /** Default: none. */
  readonly body?: unknown;
}

/** The beginning of a response. */
export interface AttemptResponse {
  /** Tells the two ends apart. */
  readonly kind: "response";
  /** HTTP status, 200 or more. */
  readonly status: number;
  /** Fields with names in lower case, without those of the connection. */
  readonly headers: FieldList;
}

/** The end of an attempt without a complete response. */
export interface AttemptReset {
  /** Tells the two ends apart. */
  readonly kind: "reset";
  /**
   * No connection came up, the connection broke, time was up, or this side ended it: whoever waits for the response went
   * away, the body broke, undici refused the request, or the agent was closed.
   */
  readonly reason: "connect-failure" | "connection-termination" | "per-try-timeout" | "local-reset";
  /** Whether any part of the request may have reached the host. */
  readonly sent: boolean;
}

/** What an attempt came to. */
export type AttemptResult = AttemptResponse | AttemptReset;

/** Where a response goes: a `Writable`, such as an `http.ServerResponse`; the part that is used here. */
export interface AttemptSink {
  /** Takes a part of the body; false asks for a pause until `drain`. */
  write(chunk: Uint8Array): boolean;
  /** The response is complete. */
  end(): unknown;
  /** The response broke off. */
  destroy(): unknown;
  /** Nobody takes the response any more. */
  readonly destroyed: boolean;
  /** Listens. */
  on(event: "drain" | "close", listener: () => void): unknown;
  /** Stops listening. */
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** How an attempt is steered. */
export interface AttemptOptions {
  /** Milliseconds from the end of the request's body to the end of the response. Default: no limit. */
  readonly limitMs?: number;
  /** Milliseconds from the end of the request's body to the beginning of the response. Default: no limit. */
  readonly perTryMs?: number;
  /** Gives up when this closes: the response of the client that waits. Default: nobody waits. */
  readonly client?: AttemptSink;
  /** Whether the response is taken; `client` then gets its body, and must have got status and headers. Default: no. */
  readonly accept?: (response: AttemptResponse) => boolean;
}

/** An undici `Agent`; the part that is used here. */
export interface UndiciAgent {
  /** Sends a request. */
  dispatch(
    options: {
      readonly origin: string;
      readonly method: never;
      readonly path: string;
      readonly headers: string[];
      readonly body: never;
    },
    handler: UndiciHandler,
  ): boolean;
}

const OF_THE_CONNECTION = /^(connection|keep-alive|proxy-connection|transfer-encoding|trailer|upgrade|expect)$/;
/** How long the rest of a response that nobody wants may take before its connection is closed. */
export const DRAIN_MS = 1000;
/** What Node's timers can count; a longer time would be none at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Sends a request to a host once, through undici, and streams the response to the client if it is accepted. A response
 * that is not accepted is read to its end for a second, so that its connection can serve on.
 *
 * @param agent - An `Agent`; make it with `headersTimeout: 0` and `bodyTimeout: 0` if these limits are to be the only ones.
 * @throws what `accept` throws.
 */
export function undiciAttempt(
  agent: UndiciAgent,
  host: Host,
  request: AttemptRequest,
  options: AttemptOptions = {},
): Promise<AttemptResult> {
  return new Promise((resolve, reject) => new Attempt(options, resolve, reject).start(agent, host, request));
}

class Attempt implements UndiciHandler {
  readonly #options: AttemptOptions;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onClose = (): void => this.#giveUp("local-reset");
  readonly #onDrain = (): void => this.#controller?.resume();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #body: unknown;
  #controller: UndiciController | undefined;
  #response: AttemptResponse | undefined;
  #accepted = false;
  #over = false;

  constructor(options: AttemptOptions, resolve: (result: AttemptResult) => void, reject: (error: unknown) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    options.client?.on("close", this.#onClose);
  }

  start(agent: UndiciAgent, { address }: Host, { method, path = "/", authority, headers, body }: AttemptRequest): void {
    // One that has closed already says so no more.
    if (this.#options.client?.destroyed) {
      this.#giveUp("local-reset");
      return;
    }
    this.#body = body;
    if (isStream(body) && !body.readableEnded) body.once("end", () => this.#limit());
    else this.#limit();
    const fields = ["host", authority, ...withoutConnection(headers)];
    const target = { origin: `http://${address}`, method: method as never, path, headers: fields };
    agent.dispatch({ ...target, body: (body ?? null) as never }, this);
  }

  onRequestStart(controller: UndiciController): void {
    this.#controller = controller;
    // Given up while it still waited for a connection.
    if (this.#over) controller.abort(new Error("given up"));
  }

  onResponseStart(controller: UndiciController, status: number): void {
    if (status < 200 || this.#over) return;
    const raw = (controller as UndiciController & { readonly rawHeaders: readonly (Uint8Array | string)[] }).rawHeaders;
    const fields = raw.map((part, index) => (index % 2 ? text(part) : text(part).toLowerCase()));
    this.#response = { kind: "response", status, headers: withoutConnection(fields) };
    try {
      this.#accepted = this.#options.accept?.(this.#response) ?? false;
    } catch (error) {
      this.#close();
      this.#reject(error);
    }
    if (this.#accepted) this.#options.client?.on("drain", this.#onDrain);
    // Another attempt need not wait until this body has been read.
    else this.#drop(controller, this.#response);
    // These have no body, whatever their length says of the resource; undici takes that for a broken one.
    if (this.#accepted && (status === 204 || status === 304)) this.onResponseEnd();
  }

  onResponseData(controller: UndiciController, chunk: Uint8Array): void {
    if (this.#accepted && !this.#over && this.#options.client?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    this.#stopTimers();
    if (this.#accepted && !this.#over) this.#options.client?.end();
    if (this.#response) this.#end(this.#response);
  }

  onResponseError(_: unknown, error: Error): void {
    this.#stopTimers();
    const sent = this.#controller !== undefined;
    if (isCallers(error, this.#body)) {
      this.#end({ kind: "reset", reason: "local-reset", sent });
      return;
    }
    this.#end({ kind: "reset", reason: sent ? "connection-termination" : "connect-failure", sent });
  }

  #limit(): void {
    if (this.#over) return;
    const { limitMs = Number.POSITIVE_INFINITY, perTryMs = Number.POSITIVE_INFINITY } = this.#options;
    this.#after(limitMs, () => this.#giveUp("per-try-timeout"));
    this.#after(perTryMs, () => {
      // What the client has begun to get it gets whole.
      if (!this.#accepted) this.#giveUp("per-try-timeout");
    });
  }

  #giveUp(reason: "per-try-timeout" | "local-reset"): void {
    this.#end({ kind: "reset", reason, sent: this.#controller !== undefined });
    this.#controller?.abort(new Error("given up"));
  }

  /** Lets the response run out, but not for ever. */
  #drop(controller: UndiciController, response: AttemptResponse): void {
    this.#end(response);
    this.#after(DRAIN_MS, () => controller.abort(new Error("nobody wants the rest")));
  }

  #after(delayMs: number, task: () => void): void {
    if (delayMs < Number.POSITIVE_INFINITY) this.#timers.push(setTimeout(task, Math.min(delayMs, MAX_TIMER_MS)));
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  /** Only the first end counts. */
  #end(result: AttemptResult): void {
    if (this.#over) return;
    this.#close();
    if (this.#accepted && result.kind === "reset") this.#options.client?.destroy();
    this.#resolve(result);
  }

  #close(): void {
    this.#over = true;
    this.#stopTimers();
    this.#options.client?.off("close", this.#onClose);
    this.#options.client?.off("drain", this.#onDrain);
  }
}

interface BodyStream {
  readonly readableEnded: boolean;
  once(event: "end", listener: () => void): unknown;
}

function isStream(body: unknown): body is BodyStream {
  return typeof body === "object" && body !== null && "readableEnded" in body;
}

/** What outlier detection is to learn from what an attempt came to. */
export function outcomeOfAttempt(result: AttemptResult): Outcome {
  if (result.kind === "response") {
    const { headers } = result;
    return responseOutcome(result.status, (name) => {
      const at = headers.findIndex((field, index) => index % 2 === 0 && field === name);
      return at < 0 ? undefined : headers[at + 1];
    });
  }
  if (result.reason === "local-reset") return { result: "aborted" };
  return { result: result.reason === "per-try-timeout" ? "timeout" : "connect-failed" };
}

function withoutConnection(fields: FieldList): FieldList {
  return fields.filter((_, index) => !OF_THE_CONNECTION.test(fields[index - (index % 2)] ?? ""));
}

function text(part: Uint8Array | string): string {
  return typeof part === "string"
    ? part
    : Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1");
}
