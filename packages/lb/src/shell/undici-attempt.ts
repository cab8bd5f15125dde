import type { Host } from "../host.js";
import type { Outcome } from "../pick.js";
import type { UndiciController, UndiciHandler } from "./undici.js";

/** Header fields as one flat list: name, value, name, value, … Values are bytes, one character each (latin1). */
export type FieldList = readonly string[];

/** A request for one host; what a route decision of `@weftmesh/router` gives fits. */
export interface AttemptRequest {
  /** In capital letters. */
  readonly method: string;
  /** With the query. Default: `*`. */
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
  /** No connection came up, the connection broke, time was up, or whoever waits for the response went away. */
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
  /** Listens. */
  on(event: "drain" | "close", listener: () => void): unknown;
  /** Stops listening. */
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** How an attempt is steered. */
export interface AttemptOptions {
  /** Milliseconds from now to the end of the response. Default: no limit. */
  readonly limitMs?: number;
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

const OF_THE_CONNECTION = /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|expect)$/;

/**
 * Sends a request to a host once, through undici, and streams the response to the client if it is accepted. A response
 * that is not accepted is read to its end, so that its connection can serve on. Never rejects.
 *
 * @param agent - An `Agent`; make it with `headersTimeout: 0` and `bodyTimeout: 0` if `limitMs` is to be the only limit.
 */
export function undiciAttempt(
  agent: UndiciAgent,
  host: Host,
  request: AttemptRequest,
  options: AttemptOptions = {},
): Promise<AttemptResult> {
  return new Promise((resolve) => new Attempt(options, resolve).start(agent, host, request));
}

class Attempt implements UndiciHandler {
  readonly #options: AttemptOptions;
  readonly #resolve: (result: AttemptResult) => void;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #onClose = (): void => this.#giveUp("local-reset");
  readonly #onDrain = (): void => this.#controller?.resume();
  #controller: UndiciController | undefined;
  #response: AttemptResponse | undefined;
  #accepted = false;
  #over = false;

  constructor(options: AttemptOptions, resolve: (result: AttemptResult) => void) {
    this.#options = options;
    this.#resolve = resolve;
    const { limitMs = Number.POSITIVE_INFINITY, client } = options;
    if (limitMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#giveUp("per-try-timeout"), limitMs);
    client?.on("close", this.#onClose);
  }

  start(agent: UndiciAgent, { address }: Host, { method, path = "*", authority, headers, body }: AttemptRequest): void {
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
    if (status < 200) return;
    const raw = (controller as UndiciController & { readonly rawHeaders: readonly (Uint8Array | string)[] }).rawHeaders;
    const fields = raw.map((part, index) => (index % 2 ? text(part) : text(part).toLowerCase()));
    this.#response = { kind: "response", status, headers: withoutConnection(fields) };
    this.#accepted = this.#options.accept?.(this.#response) ?? false;
    if (this.#accepted) this.#options.client?.on("drain", this.#onDrain);
    // Another attempt need not wait until this body has been read.
    else this.#end(this.#response);
  }

  onResponseData(controller: UndiciController, chunk: Uint8Array): void {
    if (this.#accepted && this.#options.client?.write(chunk) === false) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#accepted) this.#options.client?.end();
    if (this.#response) this.#end(this.#response);
  }

  onResponseError(): void {
    const sent = this.#controller !== undefined;
    this.#end({ kind: "reset", reason: sent ? "connection-termination" : "connect-failure", sent });
  }

  #giveUp(reason: "per-try-timeout" | "local-reset"): void {
    this.#end({ kind: "reset", reason, sent: this.#controller !== undefined });
    this.#controller?.abort(new Error("given up"));
  }

  /** Only the first end counts. */
  #end(result: AttemptResult): void {
    if (this.#over) return;
    this.#over = true;
    const { client } = this.#options;
    clearTimeout(this.#timer);
    client?.off("close", this.#onClose);
    client?.off("drain", this.#onDrain);
    if (this.#accepted && result.kind === "reset") client?.destroy();
    this.#resolve(result);
  }
}

/** What outlier detection is to learn from what an attempt came to. */
export function outcomeOfAttempt(result: AttemptResult): Outcome {
  if (result.kind === "response") return { result: "response", status: result.status };
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
