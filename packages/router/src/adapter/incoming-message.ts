import { HeaderFields } from "../header/fields.js";
import type { Connection, RouteRequest } from "../request.js";

/** The part of Node's `http.IncomingMessage` that is read: an `http.Server` request is one. */
export interface IncomingMessageLike {
  /** Request method. */
  readonly method?: string | undefined;
  /** Request target as sent. */
  readonly url?: string | undefined;
  /** `1.1` or `1.0`. */
  readonly httpVersion: string;
  /** Names and values as sent, alternating. */
  readonly rawHeaders: readonly string[];
  /** The socket; an encrypted one makes the scheme `https`. */
  readonly socket?: SocketLike | null | undefined;
}

/** The part of a socket that is read. */
export interface SocketLike {
  /** True on `tls.TLSSocket`. */
  readonly encrypted?: boolean | undefined;
  /** True on `tls.TLSSocket` when the peer's certificate was verified. */
  readonly authorized?: boolean | undefined;
  /** Peer address. */
  readonly remoteAddress?: string | undefined;
  /** Peer port. */
  readonly remotePort?: number | undefined;
  /** Own address. */
  readonly localAddress?: string | undefined;
  /** Own port. */
  readonly localPort?: number | undefined;
  /** SNI on a TLS server socket. */
  readonly servername?: string | false | null | undefined;
}

/**
 * Reads a Node HTTP/1 request. The scheme is the socket's, `x-forwarded-proto` is added if the request has none, and an absolute
 * request target gives its authority and path, as Envoy's HTTP/1 codec does.
 *
 * @param req - An `http.IncomingMessage`.
 * @param connection - What is known beyond the socket: peer identity, original destination. It wins over the socket's facts.
 */
export function fromIncomingMessage(req: IncomingMessageLike, connection?: Connection): RouteRequest {
  let scheme = req.socket?.encrypted === true || connection?.tls !== undefined ? "https" : "http";
  const raw = req.rawHeaders;
  const headers: string[] = [];
  let authority: string | undefined;
  let explicitScheme = false;
  let proto = false;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    if (name === "host") {
      authority ??= value;
      continue;
    }
    if (name === "x-forwarded-proto") proto = true;
    headers.push(name, value);
  }
  if (!proto) headers.push("x-forwarded-proto", scheme);
  const method = req.method ?? "GET";
  let path = req.url;
  if (path !== undefined && method === "CONNECT") {
    authority = path;
    path = undefined;
  } else if (path !== undefined && !path.startsWith("/")) {
    const absolute = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(path);
    if (absolute !== null) {
      scheme = (absolute[1] as string).toLowerCase();
      explicitScheme = true;
      authority = absolute[2] as string;
      // A query right after the authority makes a path that does not begin with a slash, which a connection manager refuses.
      path = absolute[3] === "" ? "/" : (absolute[3] as string);
    }
  }
  return {
    method,
    scheme,
    explicitScheme,
    authority,
    path,
    headers: HeaderFields.read("request", headers).toList(),
    protocol: `HTTP/${req.httpVersion}`,
    connection: socketFacts(req.socket ?? undefined, connection),
  };
}

/**
 * The connection facts that a socket shows, for filter chains and requests.
 *
 * @param socket - A `net.Socket` or `tls.TLSSocket`.
 * @param known - What the caller knows better, such as the original destination of a captured connection.
 */
export function socketFacts(socket: SocketLike | undefined, known?: Connection): Connection {
  const sni = socket?.servername;
  return {
    sourceAddress: plainAddress(socket?.remoteAddress),
    sourcePort: socket?.remotePort,
    destinationAddress: plainAddress(socket?.localAddress),
    destinationPort: socket?.localPort,
    serverName: typeof sni === "string" ? sni.toLowerCase() : undefined,
    ...(socket?.encrypted === true
      ? { tls: { presented: socket.authorized === true, validated: socket.authorized === true } }
      : {}),
    ...known,
  };
}

// A dual-stack listener shows IPv4 peers as mapped addresses; Envoy shows them as IPv4.
function plainAddress(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") === true && address.includes(".") ? address.slice(7) : address;
}
