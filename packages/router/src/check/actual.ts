import type { Decision, RouteInfo } from "../decision.js";
import { fixedRandom } from "../random.js";
import { createRequest, type HeaderList, type RouteRequest } from "../request.js";
import type { CompiledTable } from "../route-table.js";
import type { RouteTestInput } from "./test-file.js";

/** What one request of a test file comes to. */
export interface Actual {
  readonly decision: Decision;
  readonly route: RouteInfo | undefined;
  readonly cluster: string;
  readonly virtualCluster: string;
  readonly virtualHost: string;
  readonly pathRewrite: string;
  readonly hostRewrite: string;
  readonly pathRedirect: string;
  readonly codeRedirect: number;
  readonly timeoutMs: number | undefined;
  /** Request fields after all changes, pseudo headers included. */
  readonly request: HeaderList;
  /** Response fields after all changes. */
  readonly response: HeaderList;
}

/** Routes the request of a test and collects what can be asserted. */
export function actualOf(table: CompiledTable, input: RouteTestInput): Actual {
  const request = requestOf(input);
  // The tool keeps 32 bits of the value.
  const random = fixedRandom(Number(BigInt.asUintN(32, BigInt(input.random_value ?? 0))));
  const decision = table.route(request, { random, now: 0 });
  const headers = pairsOf(input.additional_response_headers);
  switch (decision.kind) {
    case "no-route":
      return { ...none(decision, request), response: headers };
    case "redirect":
    case "direct-response":
      if (decision.kind === "direct-response" && decision.details === "cluster_not_found")
        return missingCluster(decision, request, headers);
      return direct(decision, request, headers);
    case "forward": {
      const sent = decision.request();
      return {
        ...none(decision, request),
        route: decision.route,
        cluster: decision.cluster,
        virtualCluster: decision.virtualCluster(),
        virtualHost: decision.virtualHost.name,
        pathRewrite: sent.path ?? "",
        hostRewrite: sent.authority,
        timeoutMs: decision.timeouts.requestMs,
        request: [
          ":path",
          sent.path ?? "",
          ":authority",
          sent.authority,
          ":method",
          sent.method,
          ":scheme",
          sent.scheme,
          ...sent.headers,
        ],
        response: decision.response(200, headers),
      };
    }
  }
}

function none(decision: Decision, request: RouteRequest): Actual {
  return {
    decision,
    route: undefined,
    cluster: "",
    virtualCluster: "",
    virtualHost: "",
    pathRewrite: "",
    hostRewrite: "",
    pathRedirect: "",
    codeRedirect: 0,
    timeoutMs: undefined,
    request: [
      ":path",
      request.path ?? "",
      ":authority",
      request.authority ?? "",
      ":method",
      request.method,
      ...request.headers,
    ],
    response: [],
  };
}

/** The tool has no clusters: a route to a missing one is a route all the same. */
function missingCluster(
  decision: Extract<Decision, { kind: "direct-response" }>,
  request: RouteRequest,
  headers: HeaderList,
): Actual {
  const forward = (decision as unknown as { readonly forward: Extract<Decision, { kind: "forward" }> }).forward;
  const sent = forward.request();
  return {
    ...none(decision, request),
    route: decision.route,
    virtualCluster: forward.virtualCluster(),
    virtualHost: decision.virtualHost.name,
    pathRewrite: sent.path ?? "",
    hostRewrite: sent.authority,
    timeoutMs: forward.timeouts.requestMs,
    request: [":path", sent.path ?? "", ":authority", sent.authority, ":method", sent.method, ...sent.headers],
    response: forward.response(200, headers),
  };
}

function direct(
  decision: Extract<Decision, { kind: "redirect" | "direct-response" }>,
  request: RouteRequest,
  headers: HeaderList,
): Actual {
  const local = decision as unknown as { checkResponse?(headers: HeaderList): HeaderList; readonly location?: string };
  const url = `${request.scheme}://${request.authority ?? ""}${request.path ?? ""}`;
  return {
    ...none(decision, request),
    route: decision.route,
    pathRedirect: local.location ?? url,
    codeRedirect: decision.status,
    response: local.checkResponse?.(headers) ?? headers,
  };
}

function requestOf(input: RouteTestInput): RouteRequest {
  const scheme = input.ssl === true ? "https" : "http";
  const headers: [string, string][] = [["x-forwarded-proto", scheme]];
  if (input.internal === true) headers.push(["x-envoy-internal", "true"]);
  for (const { key = "", value = "" } of input.additional_request_headers ?? []) headers.push([key, value]);
  return createRequest({
    method: input.method,
    scheme,
    authority: input.authority,
    path: input.path,
    headers,
    metadata: metadataOf(input),
    connection: { sourceAddress: "127.0.0.1" },
  });
}

function pairsOf(pairs: RouteTestInput["additional_response_headers"]): HeaderList {
  return (pairs ?? []).flatMap(({ key = "", value = "" }) => [key.toLowerCase(), value]);
}

/** The first value of a namespace stays, unless it may be overwritten: then values merge. */
function metadataOf(input: RouteTestInput): Readonly<Record<string, unknown>> {
  const metadata: Record<string, unknown> = Object.create(null);
  for (const one of input.dynamic_metadata ?? []) {
    const name = one.metadata_namespace ?? "";
    const value = one.value ?? one.typed_value;
    if (!(name in metadata)) metadata[name] = value;
    else if (one.allow_overwrite === true) metadata[name] = merge(metadata[name], value);
  }
  return metadata;
}

function merge(a: unknown, b: unknown): unknown {
  if (!isObject(a) || !isObject(b)) return b;
  const out: Record<string, unknown> = { __proto__: null, ...a };
  for (const [key, value] of Object.entries(b)) out[key] = key in out ? merge(out[key], value) : value;
  return out;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
