import type { IncomingMessage, ServerResponse } from "node:http";
import { undiciForward } from "@weftmesh/lb";
import type { Forward } from "@weftmesh/router";
import type { Upstreams } from "./upstream.js";

/** Bodies up to this size are kept, so that they can be sent again and to more than one. */
const REPLAY_BYTES = 1 << 20;

/** Sends a request where its route says, again and elsewhere if the route allows it, and streams the answer back. */
export async function forward(
  from: IncomingMessage,
  to: ServerResponse,
  route: Forward,
  upstreams: Upstreams,
  refuse: (status: number, text: string) => void,
): Promise<void> {
  const upstream = upstreams.get(route.cluster);
  if (upstream === undefined) return refuse(503, `no cluster ${route.cluster}`);
  const length = Number(from.headers["content-length"] ?? (from.headers["transfer-encoding"] ? Infinity : 0));
  const body = length > REPLAY_BYTES ? from : length > 0 ? Buffer.concat(await from.toArray()) : null;
  for (const { cluster, request } of body === from ? [] : route.mirrors()) {
    const mirror = upstreams.get(cluster);
    const copy = { request: () => request, timeouts: route.timeouts };
    if (mirror) void undiciForward(mirror.lb, mirror.http, copy, { body });
  }
  const tried = await undiciForward(upstream.lb, upstream.http, route, { body, client: to });
  if (tried.kind === "none") return refuse(503, `no healthy upstream: ${tried.reason}`);
  if (tried.result.kind === "response" || to.headersSent) return;
  refuse(tried.result.reason === "per-try-timeout" ? 504 : 503, `upstream ${tried.result.reason}`);
}
