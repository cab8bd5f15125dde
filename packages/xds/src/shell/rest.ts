import type { IncomingMessage, ServerResponse } from "node:http";
import { XdsTypesError } from "@weftmesh/xds-types";
import { DiscoveryRequest, DiscoveryResponse } from "@weftmesh/xds-types/envoy/service/discovery/v3";
import type { Cache } from "../cache.js";
import { DISCOVERY_TYPES } from "../discovery-types.js";
import type { NodeIdentity } from "../node.js";
import { fetchResources } from "../server/fetch.js";
import { decodeSotwRequest } from "../wire/request.js";

/** Bytes of a request that are read; more is refused with 413. */
const MAX_REQUEST_BYTES = 4 << 20;

const LIMITS = { maxNames: 250_000, maxNameLength: 4096 };

/** How a REST handler is made. */
export interface RestOptions {
  /** Where resources come from. */
  readonly cache: Cache;
  /** Decides who may fetch; throws with the reason if not. Default: everybody who can connect. */
  readonly authorize?: (node: NodeIdentity, request: IncomingMessage) => void;
}

/**
 * Serves `POST /v3/discovery:clusters` and its siblings (V3) on an HTTP server of yours:
 * `createServer(restHandler({ cache }))`. Requests and responses are canonical ProtoJSON, state of the world only.
 *
 * Status: 200, 304 when the client has the version, 400 for what is no request, 403, 404 for another path, 405, 413, and
 * 503 when nothing was published for the node yet.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rest-json-polling-subscriptions
 */
export function restHandler(options: RestOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("error", () => response.destroy());
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_REQUEST_BYTES) chunks.push(chunk);
    });
    request.on("end", () => {
      const answer =
        size > MAX_REQUEST_BYTES
          ? { status: 413, body: `at most ${MAX_REQUEST_BYTES} bytes` }
          : fetchJson(request, Buffer.concat(chunks).toString("utf8"), options);
      const type = answer.status === 200 ? "application/json" : "text/plain; charset=utf-8";
      response.writeHead(answer.status, { "content-type": type });
      response.end(answer.status === 304 ? undefined : answer.body);
    });
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function fetchJson(request: IncomingMessage, text: string, { cache, authorize }: RestOptions): Answer {
  const path = (request.url ?? "").replace(/\?.*$/s, "");
  const type = DISCOVERY_TYPES.find(({ fetch }) => fetch?.path === path);
  if (type === undefined) return { status: 404, body: "no discovery path" };
  if (request.method !== "POST") return { status: 405, body: "POST expected" };
  try {
    const bytes = DiscoveryRequest.encode(DiscoveryRequest.fromJson(JSON.parse(text)));
    const asked = decodeSotwRequest(bytes, LIMITS);
    if (asked.node === undefined) return { status: 400, body: "node is missing" };
    if (asked.typeUrl !== "" && asked.typeUrl !== type.typeUrl) {
      return { status: 400, body: `this path serves ${type.typeUrl}` };
    }
    const refusal = refusalOf(() => authorize?.(asked.node as NodeIdentity, request));
    if (refusal !== undefined) return { status: 403, body: refusal };
    const fetched = fetchResources(cache, asked.node, { ...asked, typeUrl: type.typeUrl });
    if (fetched === undefined) return { status: 503, body: "nothing is published for this node" };
    if (fetched === "unchanged") return { status: 304, body: "" };
    const resources = fetched.resources.map(({ typeUrl, value }) => ({ typeUrl, value }));
    const message = { versionInfo: fetched.version, typeUrl: fetched.typeUrl, resources };
    return { status: 200, body: JSON.stringify(DiscoveryResponse.toJson(message)) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof XdsTypesError || error instanceof RangeError) {
      return { status: 400, body: error.message };
    }
    return { status: 500, body: "the server failed on this request" };
  }
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
