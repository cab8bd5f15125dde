import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Host, type Permit, previousHosts, type Outcome as Result } from "@weftmesh/lb";
import type { Forward, HeaderList, Outcome, UpstreamRequest } from "@weftmesh/router";
import type { Dispatcher, Pool } from "undici";
import type { Upstreams } from "./upstream.js";

type Body = Buffer | IncomingMessage | null;
type Response = Extract<Outcome, { kind: "response" }>;
type Accept = (response: Response) => boolean;

/** Bodies up to this size are kept, so that they can be sent again and to more than one. */
const REPLAY_BYTES = 1 << 20;
/** What concerns one connection only, and what a caller may not say about itself. */
const DROPPED = /^(connection|keep-alive|transfer-encoding|upgrade|expect|proxy-.*|x-forwarded-client-cert)$/;

/** Sends a request where its route says, again and elsewhere if the route allows it, and streams the answer back. */
export async function forward(
  from: IncomingMessage,
  to: ServerResponse,
  route: Forward,
  upstreams: Upstreams,
): Promise<void> {
  const upstream = upstreams.get(route.cluster);
  if (upstream === undefined) return answer(to, 503, `no cluster ${route.cluster}`);
  const length = Number(from.headers["content-length"] ?? (from.headers["transfer-encoding"] ? Infinity : 0));
  const body = length > REPLAY_BYTES ? from : length > 0 ? Buffer.concat(await from.toArray()) : null;
  for (const mirror of body === from ? [] : route.mirrors()) shadow(upstreams, mirror.cluster, mirror.request, body);
  const { requestMs, perTryMs } = route.timeouts;
  const deadline = requestMs > 0 ? Date.now() + requestMs : Infinity;
  const attempted: Host[] = [];
  const permits: Permit[] = [];
  try {
    for (let attempt = 1; !to.destroyed; attempt++) {
      const others = { attempted, hostPredicates: [previousHosts], hostSelectionRetryMaxAttempts: 3 };
      const pick = upstream.lb.pick({ ...others, routingPriority: route.priority });
      if (pick.kind === "none") return answer(to, 503, `no healthy upstream: ${pick.reason}`);
      attempted.push(pick.host);
      let retryMs: number | undefined;
      // A retry takes the route's word, time that is left, and a permit of the circuit breaker.
      const again = (outcome: Outcome): boolean => {
        const verdict = route.retry(outcome, attempt, Date.now());
        if (!verdict.retry || body === from || Date.now() + verdict.delayMs > deadline) return false;
        const permit = upstream.lb.admit("retry", route.priority);
        if (permit && permits.push(permit)) retryMs = verdict.delayMs;
        return permit !== undefined;
      };
      const limitMs = Math.min(perTryMs > 0 ? perTryMs : Infinity, deadline - Date.now());
      const outcome = await send(upstream.pool(pick.host), route.request(attempt), body, limitMs, to, (response) => {
        pick.report(resultOf(response));
        if (again(response)) return false;
        to.writeHead(response.status, fields(route.response(response.status, response.headers)));
        return true;
      });
      pick.done(resultOf(outcome));
      if (to.headersSent) return;
      if (outcome.kind === "reset" && !again(outcome)) {
        return answer(to, outcome.reason === "per-try-timeout" ? 504 : 503, `upstream ${outcome.reason}`);
      }
      await delay(retryMs);
    }
  } finally {
    for (const permit of permits) permit.release();
  }
}

function shadow(upstreams: Upstreams, cluster: string, request: UpstreamRequest, body: Body): void {
  const upstream = upstreams.get(cluster);
  const pick = upstream?.lb.pick();
  if (upstream === undefined || pick?.kind !== "host") return;
  void send(upstream.pool(pick.host), request, body, 15_000).then((outcome) => pick.done(resultOf(outcome)));
}

/** One attempt. A response that is not accepted is read to its end and forgotten: its connection can serve on. */
function send(pool: Pool, request: UpstreamRequest, body: Body, limitMs: number, to?: ServerResponse, accept?: Accept) {
  const { method, path = "*", authority, headers } = request;
  return new Promise<Outcome>((resolve) => {
    let control: Dispatcher.DispatchController | undefined;
    let response: Response | undefined;
    let accepted = false;
    let over = false;
    const end = (outcome: Outcome): void => {
      over = outcome.kind === "reset";
      clearTimeout(timer);
      to?.off("close", abort);
      if (accepted && outcome.kind === "reset") to?.destroy();
      resolve(outcome);
    };
    const abort = (): void => {
      end({ kind: "reset", reason: to?.destroyed ? "local-reset" : "per-try-timeout", sent: control !== undefined });
      control?.abort(new Error("given up"));
    };
    const timer = limitMs === Infinity ? undefined : setTimeout(abort, limitMs);
    to?.on("close", abort);
    const options = { method: method as Dispatcher.HttpMethod, path, body };
    pool.dispatch(
      { ...options, headers: ["host", authority, ...fields(headers)] },
      {
        onRequestStart(controller) {
          control = controller;
          // Given up while it still waited for a connection.
          if (over) controller.abort(new Error("given up"));
        },
        onResponseStart(controller, status) {
          if (status < 200) return;
          const raw = controller.rawHeaders as Buffer[];
          const list = raw.map((part, index) =>
            index % 2 ? part.toString("latin1") : part.toString("latin1").toLowerCase(),
          );
          response = { kind: "response", status, headers: list };
          accepted = accept?.(response) ?? false;
          if (accepted) to?.on("drain", () => controller.resume());
          else end(response);
        },
        onResponseData(controller, chunk) {
          if (accepted && to?.write(chunk) === false) controller.pause();
        },
        onResponseEnd() {
          if (accepted) to?.end();
          if (response) end(response);
        },
        onResponseError() {
          const sent = control !== undefined;
          end({ kind: "reset", reason: sent ? "connection-termination" : "connect-failure", sent });
        },
      },
    );
  });
}

/** What outlier detection is to learn from an outcome. */
function resultOf(outcome: Outcome): Result {
  if (outcome.kind === "response") return { result: "response", status: outcome.status };
  if (outcome.reason === "local-reset") return { result: "aborted" };
  return { result: outcome.reason === "per-try-timeout" ? "timeout" : "connect-failed" };
}

function fields(headers: HeaderList): string[] {
  return headers.filter((_, index) => !DROPPED.test(headers[index - (index % 2)] ?? ""));
}

/** An answer of the proxy itself. */
export function answer(to: ServerResponse, status: number, text: string): void {
  to.writeHead(status, { "content-type": "text/plain" }).end(text);
}
