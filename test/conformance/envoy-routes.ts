/** Route tables and requests that a real Envoy answered: everything but the HTTP/1 codec's own refusals must come out the same. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type ConnectionManager,
  type CorsVerdict,
  compileConnectionManager,
  compileRoutes,
  type Decision,
  fixedRandom,
  fromIncomingMessage,
  type HeaderList,
  type LocalReply,
  type Random,
  type RouteRequest,
  type RouteTable,
  type RuntimeValue,
} from "@weftmesh/router";
import { readConnectionManager, readRouteConfiguration } from "./router-input.js";
import type { Case, Outcome, Suite } from "./suite.js";

type Pair = readonly [string, string];

interface Answer {
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

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Pair[];
  readonly body?: string;
}

interface TableFile {
  readonly id: string;
  readonly hcm: Record<string, unknown>;
  readonly runtime: Record<string, RuntimeValue>;
  readonly route_config: Record<string, unknown>;
  readonly cases: readonly { readonly request: Request; readonly answer: Answer }[];
}

interface VerdictFile {
  readonly cases: readonly {
    readonly name: string;
    readonly accepted: boolean;
    readonly route_config: Record<string, unknown>;
  }[];
}

interface RejectedFile {
  readonly rejected: readonly { readonly id: string; readonly route_config: Record<string, unknown> }[];
}

const clusters: ReadonlySet<string> = new Set(["c0", "c1", "c2", "c3", "c4", "canary", "shadow"]);
const environment = { ORACLE_ENV: "from-env" };
const connection = { sourceAddress: "127.0.0.1", destinationAddress: "127.0.0.1" };
// Where chance decides, the recorded answer must be one that some random value gives.
const chances = Array.from({ length: 300 }, (_, i) => i);
const upstreamFields = ["x-up", "one", "x-dup", "a", "x-dup", "b", "content-type", "text/plain", "content-length", "2"];

export const suite: Suite = {
  name: "envoy_routes",
  *cases(dir) {
    for (const name of readdirSync(dir).sort()) {
      if (!name.endsWith(".json")) continue;
      const file = JSON.parse(readFileSync(join(dir, name), "utf8")) as Partial<TableFile & VerdictFile & RejectedFile>;
      if (file.route_config !== undefined) yield* tableCases(name, file as TableFile);
      else if (file.rejected !== undefined) yield* rejectedCases(name, file as RejectedFile);
      else if (file.cases !== undefined) yield* verdictCases(name, file as VerdictFile);
      else yield { name, run: () => ({ ok: false, expected: "a known kind of file", got: Object.keys(file) }) };
    }
  },
};

function* tableCases(name: string, file: TableFile): Iterable<Case> {
  let compiled: { readonly table: RouteTable; readonly manager: ConnectionManager } | undefined;
  const compile = (): { readonly table: RouteTable; readonly manager: ConnectionManager } => {
    const runtime = (key: string): RuntimeValue | undefined =>
      Object.hasOwn(file.runtime, key) ? file.runtime[key] : undefined;
    const table = compileRoutes(readRouteConfiguration(file.route_config), { clusters, environment, runtime });
    const manager = compileConnectionManager(readConnectionManager(file.hcm), {
      environment,
      localAddress: "192.0.2.2",
    });
    return { table, manager };
  };
  for (const [i, { request, answer }] of file.cases.entries()) {
    const title = `${name} ${i}: ${request.method} ${request.path}`;
    // The HTTP/1 codec refused these before any of what this package does.
    if (answer.details?.startsWith("http1.") === true) {
      yield { name: `${title} (codec, out of scope)`, run: () => ({ ok: true }) };
      continue;
    }
    yield {
      name: title,
      run() {
        compiled ??= compile();
        const expected = expectedOf(answer);
        let first: Outcome | undefined;
        for (const chance of chances) {
          let drawn = false;
          const random = fixedRandom(chance);
          const draw = (): number => {
            drawn = true;
            return random();
          };
          const outcome = compare(expected, answerTo(request, compiled.table, compiled.manager, file, draw));
          if (outcome.ok || !drawn) return first === undefined || outcome.ok ? outcome : first;
          first ??= outcome;
        }
        return first ?? { ok: true };
      },
    };
  }
}

function* verdictCases(name: string, file: VerdictFile): Iterable<Case> {
  for (const { name: title, accepted, route_config } of file.cases) {
    yield { name: `${name} ${title}`, run: () => compare({ accepted }, verdictOf(route_config)) };
  }
}

function* rejectedCases(name: string, file: RejectedFile): Iterable<Case> {
  for (const { id, route_config } of file.rejected) {
    yield { name: `${name} ${id}`, run: () => compare({ accepted: false }, verdictOf(route_config)) };
  }
}

function verdictOf(config: Record<string, unknown>): { readonly accepted: boolean; readonly reason?: string } {
  try {
    compileRoutes(readRouteConfiguration(config), { clusters, environment, validateClusters: true });
    return { accepted: true };
  } catch (error) {
    return { accepted: false, reason: String(error) };
  }
}

function compare(expected: object, got: object): Outcome {
  const differing = Object.keys(expected).filter(
    (key) => !isDeepStrictEqual(expected[key as keyof typeof expected], got[key as keyof typeof got]),
  );
  if (differing.length === 0) return { ok: true };
  const pick = (from: object): object =>
    Object.fromEntries(Object.entries(from).filter(([key]) => differing.includes(key) || key === "reason"));
  return { ok: false, expected: pick(expected), got: pick(got) };
}

/** What can be compared of an answer. `connection` is the codec's: it depends on how fast a body arrives. */
function expectedOf(answer: Answer): object {
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

function answerTo(
  request: Request,
  table: RouteTable,
  manager: ConnectionManager,
  file: TableFile,
  random: Random,
): object {
  // The codec takes the blanks around a value for no part of it.
  const rawHeaders = request.headers.flatMap(([name, value]) => [name, value.replace(/^[ \t]+|[ \t]+$/g, "")]);
  if (request.body !== undefined && request.body !== "") rawHeaders.push("content-length", String(request.body.length));
  const parsed = withoutAdded(
    fromIncomingMessage({ method: request.method, url: request.path, httpVersion: "1.1", rawHeaders }, connection),
    rawHeaders,
  );
  const internalOnly = file.route_config["internal_only_headers"] as string[] | undefined;
  const admission = manager.accept(parsed, internalOnly);
  if (admission.kind === "reply") {
    const { details } = admission;
    const reply = manager.reply(admission.reply, parsed, { details, flags: "-", now: 0 });
    return {
      ...replied(finished(reply, manager), request),
      route: "",
      virtualCluster: "",
      cluster: "",
      flags: "-",
      details,
    };
  }
  const decision = table.route(admission.request, { random, now: 0 });
  return decided(decision, admission.request, request, manager);
}

/** The request as sent: the connection manager has its own moment to add `x-forwarded-proto`. */
function withoutAdded(request: RouteRequest, rawHeaders: readonly string[]): RouteRequest {
  const sent = rawHeaders.some((text, i) => i % 2 === 0 && text.toLowerCase() === "x-forwarded-proto");
  return sent ? request : { ...request, headers: request.headers.slice(0, -2) };
}

function decided(decision: Decision, routed: RouteRequest, request: Request, manager: ConnectionManager): object {
  const route = decision.kind === "no-route" ? "" : (decision.route?.name ?? "");
  const local = (reply: LocalReply, details: string, flags: string, cors: CorsVerdict = { kind: "none" }): object => {
    // A preflight's answer is a filter's own response, not a local reply.
    const answer =
      cors.kind === "preflight" ? reply : withCors(manager.reply(reply, routed, { details, flags, now: 0 }), cors);
    return { ...replied(finished(answer, manager), request), route, flags, details };
  };
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
      if (cors.kind === "preflight") return { ...local(cors.reply, "cors_response", "-", cors), ...rest };
      const sent = decision.request();
      const fields = decision.response(200, upstreamFields);
      return {
        status: 200,
        headers: pairs(manager.response(cors.kind === "actual" ? withFields(fields, cors.headers) : fields)),
        body: undefined,
        upstream: { method: sent.method, path: sent.path, headers: upstreamPairs(sent, request) },
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
function upstreamPairs(sent: { readonly authority: string; readonly headers: HeaderList }, request: Request): Pair[] {
  const headers: Pair[] = [["host", sent.authority], ...pairs(sent.headers)];
  const framed = headers.some(([name]) => name === "content-length");
  if (!framed && !["GET", "HEAD", "CONNECT", "TRACE"].includes(request.method)) headers.push(["content-length", "0"]);
  return headers;
}
