import type { Connection, RouteRequest } from "../request.js";
import { type SocketLike, socketFacts } from "./incoming-message.js";

/** Header fields as `http2` streams give them. */
export type Http2Headers = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/**
 * Reads the header fields of a Node HTTP/2 stream. A `host` field is the authority if `:authority` is absent, several `cookie` fields
 * stay apart, `x-forwarded-proto` is added with `:scheme` if the request has none, and an extended CONNECT (RFC 8441) becomes a GET
 * with `upgrade`.
 *
 * @param headers - The first argument of a server's `stream` event.
 * @param options - The session's socket and what is known beyond it.
 */
export function fromHttp2(
  headers: Http2Headers,
  options: { readonly socket?: SocketLike | undefined; readonly connection?: Connection | undefined } = {},
): RouteRequest {
  const list: string[] = [];
  let proto = false;
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || name.startsWith(":") || name === "host") continue;
    if (name === "x-forwarded-proto") proto = true;
    if (Array.isArray(value)) for (const one of value as readonly string[]) list.push(name, one);
    else list.push(name, String(value));
  }
  const scheme = text(headers[":scheme"]) ?? (options.socket?.encrypted === true ? "https" : "http");
  if (!proto) list.push("x-forwarded-proto", scheme);
  let method = text(headers[":method"]) ?? "GET";
  const upgrade = text(headers[":protocol"]);
  if (method === "CONNECT" && upgrade !== undefined) {
    // Behind Envoy's codec an extended CONNECT is the HTTP/1 upgrade that it stands for.
    method = "GET";
    list.push("upgrade", upgrade, "connection", "Upgrade");
  }
  return {
    method,
    scheme,
    explicitScheme: true,
    authority: text(headers[":authority"]) ?? text(headers["host"]),
    path: text(headers[":path"]),
    headers: list,
    protocol: "HTTP/2",
    connection: socketFacts(options.socket, options.connection),
  };
}

function text(value: string | number | readonly string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  return typeof value === "object" ? value[0] : String(value);
}
