/** What Envoy makes of a request, and what the packages make of it, in one form. */
import { isDeepStrictEqual } from "node:util";
import {
  type ConnectionManager,
  type CorsVerdict,
  type Decision,
  fromIncomingMessage,
  type HeaderList,
  type LocalReply,
  type Random,
  type RouteRequest,
  type RouteTable,
} from "@weftmesh/router";
import { type FilterRefusal, refusalOf } from "./router-filters.js";
import type { Outcome } from "./suite.js";

type Pair = readonly [string, string];

/** What Envoy did, as its answer, its upstream and its access log tell it. */
export interface Answer {
  readonly status: number | null;
  readonly headers: readonly Pair[];
  readonly body?: string;
  readonly upstream?: { readonly method: string; readonly path: string; readonly headers: readonly Pair[] };
  readonly route?: string;
  readonly virtual_cluster?: string;
  readonly cluster?: string;
  readonly flags?: string;
  readonly details?: string;
}

/** A request as sent. Text stands for bytes, one character each. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Pair[];
  readonly body?: string;
}

const connection = { sourceAddress: "127.0.0.1", destinationAddress: "127.0.0.1" };

const upstreamFields = ["x-up", "one", "x-dup", "a", "x-dup", "b", "content-type", "text/plain", "content-length", "2"];

/** What the upstream answers: 200, or the redirect that `x-answer: STATUS LOCATION` asks for, once or (`always`) each time. */
export function upstreamAnswer(headers: HeaderList): { readonly status: number; readonly headers: HeaderList } {
  const fieldValue = (name: string): string | undefined => {
    const at = headers.findIndex((text, i) => i % 2 === 0 && text === name);
    return at < 0 ? undefined : headers[at + 1];
  };
  const [status, location, always] = (fieldValue("x-answer") ?? "").split(" ");
  const followed = fieldValue("x-envoy-original-url") !== undefined;
  if (!status || location === undefined || (followed && always === undefined))
    return { status: 200, headers: upstreamFields };
  return { status: Number(status), headers: [...upstreamFields, "location", location] };
}

/** Compares what the expected side names. */
export function compare(expected: object, got: object): Outcome {
  const differing = Object.keys(expected).filter(
    (key) => !isDeepStrictEqual(expected[key as keyof typeof expected], got[key as keyof typeof got]),
  );
  if (differing.length === 0) return { ok: true };
  const pick = (from: object): object =>
    Object.fromEntries(Object.entries(from).filter(([key]) => differing.includes(key) || key === "reason"));
  return { ok: false, expected: pick(expected), got: pick(got) };
}

/** What can be compared of an answer. `connection` is the codec's: it depends on how fast a body arrives. */
export function expectedOf(answer: Answer): object {
  return {
    status: answer.status,
    headers: answer.headers.filter(([name]) => name !== "connection"),
    body: answer.upstream === undefined ? (answer.body ?? "") : undefined,
    upstream: answer.upstream,
    route: answer.route ?? "",
    virtualCluster: answer.virtual_cluster ?? "",
    cluster: answer.cluster ?? "",
    flags: answer.flags ?? "-",
    details: answer.details,
  };
}

/** What connection manager and router together make of a request, in the form of {@link expectedOf}. */
export function answerTo(
  request: Request,
  table: RouteTable,
  manager: ConnectionManager,
  routeConfig: Readonly<Record<string, unknown>>,
  random: Random,
  filters: readonly string[] = [],
): object {
  // The codec takes the blanks around a value for no part of it.
  const rawHeaders = request.headers.flatMap(([name, value]) => [name, value.replace(/^[ \t]+|[ \t]+$/g, "")]);
  if (request.body !== undefined && request.body !== "") rawHeaders.push("content-length", String(request.body.length));
  const parsed = withoutAdded(
    fromIncomingMessage({ method: request.method, url: request.path, httpVersion: "1.1", rawHeaders }, connection),
    rawHeaders,
  );
  const internalOnly = routeConfig["internal_only_headers"] as string[] | undefined;
  const admission = manager.accept(parsed, internalOnly);
  if (admission.kind === "reply") {
    const { details } = admission;
    // The route of the request as far as it was cleaned up has its say in the refusal.
    const decision = table.route(admission.request, { random, now: 0 });
    const refusal = decision.refuse({ ...admission.reply.original, details });
    const reply = manager.reply(refusal, parsed, { details, flags: "-", now: 0 });
    return {
      ...replied(finished(reply, manager), request),
      route: nameOf(decision),
      virtualCluster: "",
      cluster: decision.kind === "forward" ? decision.cluster : "",
      flags: "-",
      details,
    };
  }
  let routed = admission.request;
  for (let followed = 0; ; followed++) {
    const decision = table.route(routed, { random, now: 0 });
    const cors = decision.kind === "forward" || decision.kind === "direct-response" ? decision.cors().kind : "none";
    const refusal = cors === "preflight" ? undefined : refusalOf(filters, decision, routed, random);
    if (decision.kind === "forward" && cors !== "preflight" && refusal === undefined) {
      const answer = upstreamAnswer(decision.request().headers);
      const verdict = decision.internalRedirect(answer.status, answer.headers, followed);
      if (verdict.kind === "follow") {
        const next = { ...routed, ...verdict.request };
        // What no route takes is not followed, but the old route is forgotten.
        if (table.route(next, { random, now: 0 }).kind === "no-route")
          return { ...decided(decision, routed, request, manager), route: "", virtualCluster: "", cluster: "" };
        const again = manager.acceptRedirected(next);
        if (again.kind === "request") {
          routed = again.request;
          continue;
        }
      }
    }
    return decided(decision, routed, request, manager, refusal);
  }
}

/** The request as sent: the connection manager has its own moment to add `x-forwarded-proto`. */
function withoutAdded(request: RouteRequest, rawHeaders: readonly string[]): RouteRequest {
  const sent = rawHeaders.some((text, i) => i % 2 === 0 && text.toLowerCase() === "x-forwarded-proto");
  return sent ? request : { ...request, headers: request.headers.slice(0, -2) };
}

function nameOf(decision: Decision): string {
  return decision.kind === "no-route" ? "" : (decision.route?.name ?? "");
}

function decided(
  decision: Decision,
  routed: RouteRequest,
  request: Request,
  manager: ConnectionManager,
  refusal?: FilterRefusal,
): object {
  const route = nameOf(decision);
  const local = (reply: LocalReply, details: string, flags: string, cors: CorsVerdict = { kind: "none" }): object => {
    // A preflight's answer is a filter's own response, not a local reply.
    const answer =
      cors.kind === "preflight" ? reply : withCors(manager.reply(reply, routed, { details, flags, now: 0 }), cors);
    return { ...replied(finished(answer, manager), request), route, flags, details };
  };
  if (refusal !== undefined) {
    const { details, flags } = refusal;
    const asks = decision.kind === "forward" || decision.kind === "direct-response";
    const cluster = decision.kind === "forward" ? decision.cluster : "";
    const answer = local(decision.refuse(refusal), details, flags, asks ? decision.cors() : undefined);
    return { ...answer, virtualCluster: "", cluster };
  }
  switch (decision.kind) {
    case "no-route":
      return { ...local(decision.reply(), "route_not_found", "NR"), virtualCluster: "", cluster: "" };
    case "redirect":
      return { ...local(decision.reply(), "direct_response", "-"), virtualCluster: "", cluster: "" };
    case "direct-response": {
      const rest = { virtualCluster: "", cluster: "" };
      const cors = decision.cors();
      if (cors.kind === "preflight") return { ...local(cors.reply, "cors_response", "-", cors), ...rest };
      const flags = decision.details === "cluster_not_found" ? "NC" : "-";
      return { ...local(decision.reply(), decision.details, flags, cors), ...rest };
    }
    case "forward": {
      const name = decision.virtualCluster();
      // `other` is a name for statistics; the access log shows nothing.
      const rest = { virtualCluster: name === "other" ? "" : name, cluster: decision.cluster };
      const cors = decision.cors();
      if (cors.kind === "preflight")
        return { ...local(cors.reply, "cors_response", "-", cors), ...rest, virtualCluster: "" };
      const sent = decision.request();
      const answer = upstreamAnswer(sent.headers);
      const fields = decision.response(answer.status, answer.headers);
      return {
        status: answer.status,
        headers: pairs(manager.response(cors.kind === "actual" ? withFields(fields, cors.headers) : fields)),
        body: undefined,
        upstream: { method: sent.method, path: sent.path, headers: upstreamPairs(sent) },
        route,
        flags: "-",
        details: "via_upstream",
        ...rest,
      };
    }
  }
}

function finished(reply: LocalReply, manager: ConnectionManager): LocalReply {
  return { ...reply, headers: manager.response(reply.headers) };
}

function withCors(reply: LocalReply, cors: CorsVerdict): LocalReply {
  return cors.kind === "actual" ? { ...reply, headers: withFields(reply.headers, cors.headers) } : reply;
}

function withFields(fields: HeaderList, more: HeaderList): HeaderList {
  return [...fields, ...more];
}

function pairs(fields: HeaderList): Pair[] {
  const out: Pair[] = [];
  for (let i = 0; i < fields.length; i += 2) out.push([fields[i] as string, fields[i + 1] as string]);
  return out;
}

/** A reply as the HTTP/1 codec writes it: it says where the body ends. */
function replied(
  reply: LocalReply,
  request: Request,
): { status: number; headers: Pair[]; body: string; upstream: undefined } {
  const headers = pairs(reply.headers);
  const framed = headers.some(([name]) => name === "content-length" || name === "transfer-encoding");
  const bodiless = reply.status === 204 || reply.status === 304 || reply.status < 200;
  if (!framed && !bodiless)
    headers.push(request.method === "HEAD" ? ["transfer-encoding", "chunked"] : ["content-length", "0"]);
  // What follows a good answer to CONNECT would be the tunnel's.
  const tunnel = request.method === "CONNECT" && reply.status >= 200 && reply.status < 300;
  const body = bodiless || tunnel ? "" : reply.body;
  return { status: reply.status, headers, body, upstream: undefined };
}

/** A request as the HTTP/1 codec writes it: methods that usually have a body say that there is none. */
function upstreamPairs(sent: {
  readonly method: string;
  readonly authority: string;
  readonly headers: HeaderList;
}): Pair[] {
  const headers: Pair[] = [["host", sent.authority], ...pairs(sent.headers)];
  const framed = headers.some(([name]) => name === "content-length");
  if (!framed && !["GET", "HEAD", "CONNECT", "TRACE"].includes(sent.method)) headers.push(["content-length", "0"]);
  return headers;
}
