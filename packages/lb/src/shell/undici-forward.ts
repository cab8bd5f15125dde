import type { Cluster } from "../cluster.js";
import type { Metadata } from "../host.js";
import type { RoutingPriority } from "../pick.js";
import { type Tried, tryHosts } from "../try-hosts.js";
import {
  type AttemptRequest,
  type AttemptResult,
  type AttemptSink,
  type FieldList,
  outcomeOfAttempt,
  type UndiciAgent,
  undiciAttempt,
} from "./undici-attempt.js";

/** Where and how a request is to be forwarded: the `forward` decision of `@weftmesh/router` is one. */
export interface ForwardRoute {
  /** The request of an attempt; attempts count from 1. */
  request(attempt: number): Omit<AttemptRequest, "body">;
  /** The response's fields as the client gets them. Default: as they came. */
  response?(status: number, headers: FieldList): FieldList;
  /** Whether to try again, and after how many milliseconds. Default: never. */
  retry?(result: AttemptResult, attempt: number, now: number): { readonly retry: boolean; readonly delayMs?: number };
  /** Milliseconds for the whole and for each attempt; 0 is no limit. Default: no limits. */
  readonly timeouts?: { readonly requestMs: number; readonly perTryMs: number };
  /** For hash policies. Default: none. */
  hash?(): bigint | undefined;
  /** For subsets. Default: none. */
  readonly metadataMatch?: Readonly<Record<string, unknown>> | undefined;
  /** For circuit breakers. Default: `"DEFAULT"`. */
  readonly priority?: RoutingPriority;
}

/** The response of the client that waits: an `http.ServerResponse`. */
export interface ForwardClient extends AttemptSink {
  /** Takes status and fields. */
  writeHead(status: number, headers: string[]): unknown;
}

/** What a request has besides its route. */
export interface ForwardOptions {
  /** The request's body; a stream is sent once, and not retried. Default: none. */
  readonly body?: unknown;
  /** Gets the response; everything ends when it closes. Default: nobody waits, the response is thrown away. */
  readonly client?: ForwardClient;
}

/**
 * Forwards a request to a host of a cluster through undici: picks, sends, retries elsewhere as the route says, and
 * streams the response that stands to the client.
 *
 * @returns the response or reset that stands, or why there was no host. A response may have broken off: the client
 * knows, because it was destroyed.
 * @throws what the functions of the route throw.
 */
export function undiciForward(
  cluster: Cluster,
  agent: UndiciAgent,
  route: ForwardRoute,
  { body, client }: ForwardOptions = {},
): Promise<Tried<AttemptResult>> {
  const { requestMs = 0, perTryMs = 0 } = route.timeouts ?? {};
  const deadline = requestMs > 0 ? Date.now() + requestMs : Number.POSITIVE_INFINITY;
  const replayable = body === undefined || body === null || typeof body === "string" || body instanceof Uint8Array;
  return tryHosts<AttemptResult>(cluster, {
    context: {
      routingPriority: route.priority ?? "DEFAULT",
      hash: route.hash?.(),
      metadataMatch: route.metadataMatch as Metadata | undefined,
    },
    wait: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
    outcomeOf: outcomeOfAttempt,
    retryDelayMs(result, attempt) {
      if (!replayable || client?.destroyed) return undefined;
      const { retry = false, delayMs = 0 } = route.retry?.(result, attempt, Date.now()) ?? {};
      return retry && Date.now() + delayMs < deadline ? delayMs : undefined;
    },
    send: (host, attempt, stands) =>
      undiciAttempt(
        agent,
        host,
        { ...route.request(attempt), body },
        {
          limitMs: deadline - Date.now(),
          perTryMs: perTryMs > 0 ? perTryMs : Number.POSITIVE_INFINITY,
          ...(client && { client }),
          accept(response) {
            if (!stands(response) || client === undefined) return false;
            const { status, headers } = response;
            client.writeHead(status, [...(route.response?.(status, headers) ?? headers)]);
            return true;
          },
        },
      ),
  });
}
