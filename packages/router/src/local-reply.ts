import type { LocalReply } from "./decision.js";
import { RequestFacts } from "./facts.js";
import { HeaderFields } from "./header/fields.js";
import { isGrpc } from "./match/route-match.js";
import type { RouteRequest } from "./request.js";

/** A reply in the making. */
export interface ReplyParts {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string | undefined;
  /** Fields that come before those of the body. */
  readonly location?: string | undefined;
  /** Changes the fields before they are sent: the route's mutations. */
  readonly modify?: ((fields: HeaderFields) => void) | undefined;
}

/** gRPC statuses of HTTP statuses; all others are 2, unknown. */
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/**
 * Puts together an answer that comes from the proxy itself. A gRPC request gets it as a trailers-only response: HTTP status 200, the
 * status mapped to `grpc-status`, the body percent-encoded in `grpc-message`. HEAD gets no body.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/local_reply
 */
export function buildReply(parts: ReplyParts, facts: RequestFacts): LocalReply {
  const fields = new HeaderFields("response");
  if (parts.location !== undefined) fields.add("location", parts.location);
  parts.modify?.(fields);
  if (parts.contentType !== undefined) fields.set("content-type", parts.contentType);
  return frameReply({ status: parts.status, headers: fields.toList(), body: parts.body }, facts);
}

/**
 * Gives a reply the fields that follow from its body and from who asked.
 *
 * @param contentType - Replaces the content type; absent leaves what is set, or `text/plain`.
 */
export function frameReply(original: LocalReply["original"], facts: RequestFacts, contentType?: string): LocalReply {
  const fields = new HeaderFields("response", original.headers);
  const isHead = facts.request.method === "HEAD";
  if (isGrpc(facts)) {
    fields.put("content-type", "application/grpc");
    fields.put("grpc-status", String(grpcStatusOf(original.status)));
    if (original.body !== "" && !isHead) fields.put("grpc-message", percentEncode(original.body));
    fields.remove("content-length");
    return { status: 200, headers: fields.toList(), body: "", original };
  }
  if (original.body === "") {
    fields.remove("content-length");
    fields.remove("content-type");
  } else {
    fields.put("content-length", String(original.body.length));
    if (contentType !== undefined) fields.put("content-type", contentType);
    else if (!fields.has("content-type")) fields.put("content-type", "text/plain");
  }
  return { status: original.status, headers: fields.toList(), body: isHead ? "" : original.body, original };
}

/** The gRPC status that stands for an HTTP status. */
export function grpcStatusOf(status: number): number {
  return grpcStatuses[status] ?? 2;
}

/** gRPC's encoding of a status message: everything but printable ASCII, and `%`, as `%XX`. */
function percentEncode(text: string): string {
  return text.replaceAll(
    /[^\x20-\x24\x26-\x7e]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/**
 * An answer of the proxy's own to a request, in the form its client understands: what a filter such as RBAC refuses with.
 *
 * @example
 * ```ts
 * import { createRequest, localReply } from "@weftmesh/router";
 *
 * console.log(localReply(createRequest({ url: "http://shop/" }), 403, "RBAC: access denied").status); // 403
 * ```
 */
export function localReply(request: RouteRequest, status: number, body = ""): LocalReply {
  return buildReply({ status, body }, new RequestFacts(request, { random: () => 0, now: 0 }, false));
}
