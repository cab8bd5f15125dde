import type { Cluster } from "../cluster.js";
import type { PickContext } from "../pick.js";
import { type Tried, tryHosts } from "../try-hosts.js";
import {
  type AttemptRequest,
  type AttemptResponse,
  type AttemptResult,
  type AttemptSink,
  outcomeOfAttempt,
  type UndiciAgent,
  undiciAttempt,
} from "./undici-attempt.js";

/** How a request is forwarded. */
export interface ForwardOptions {
  /** What the balancer may know of the request. Default: nothing. */
  readonly context?: PickContext;
  /** Milliseconds that the next attempt may take. Default: no limit. */
  readonly limitMs?: () => number;
  /** How long to wait before the next attempt, in milliseconds; nothing lets the result stand. Default: no retries. */
  readonly retryDelayMs?: (result: AttemptResult, attempt: number) => number | undefined;
  /** Who waits for the response; everything ends when it closes. Default: nobody, the response is thrown away. */
  readonly client?: AttemptSink;
  /** Gives status and fields to the client, once and before the body. */
  readonly respond?: (response: AttemptResponse) => void;
}

/**
 * Forwards a request to a host of a cluster through undici: picks, sends, retries elsewhere as `retryDelayMs` says,
 * and streams the response that stands to the client.
 *
 * @param request - Makes the request of an attempt; attempts count from 1.
 * @returns the response or reset that stands, or why there was no host. A response may have broken off: the client
 * knows, because it was destroyed.
 * @throws what the given functions throw.
 */
export function undiciForward(
  cluster: Cluster,
  agent: UndiciAgent,
  request: (attempt: number) => AttemptRequest,
  options: ForwardOptions = {},
): Promise<Tried<AttemptResult>> {
  const { context = {}, client, limitMs = () => Number.POSITIVE_INFINITY, retryDelayMs = () => undefined } = options;
  return tryHosts<AttemptResult>(cluster, {
    context,
    wait: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
    outcomeOf: outcomeOfAttempt,
    retryDelayMs,
    send: (host, attempt, stands) =>
      undiciAttempt(agent, host, request(attempt), {
        limitMs: limitMs(),
        ...(client && { client }),
        accept(response) {
          if (!stands(response) || client === undefined) return false;
          options.respond?.(response);
          return true;
        },
      }),
  });
}
