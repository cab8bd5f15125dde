import { HeaderFields } from "./header/fields.js";

/**
 * Header fields in the order received, as one flat list: name, value, name, value, … Names are in lower case, each field line has its
 * own pair, and `host` and pseudo headers are not in it. Values are bytes, one character each (latin1), as Node gives them.
 */
export type HeaderList = readonly string[];

/** What is known of the connection a request came on. Everything is optional; absent means unknown or empty. */
export interface Connection {
  /** The peer's address, without port; after PROXY protocol if there is one, before `x-forwarded-for`. */
  readonly sourceAddress?: string | undefined;
  /** Port of {@link Connection.sourceAddress}. */
  readonly sourcePort?: number | undefined;
  /** The socket's real peer. Default: {@link Connection.sourceAddress}. */
  readonly directSourceAddress?: string | undefined;
  /** Port of {@link Connection.directSourceAddress}. Default: {@link Connection.sourcePort}. */
  readonly directSourcePort?: number | undefined;
  /** The address the client asked for: the original destination where traffic is redirected. */
  readonly destinationAddress?: string | undefined;
  /** Port of {@link Connection.destinationAddress}. */
  readonly destinationPort?: number | undefined;
  /** SNI of the TLS client hello, in lower case as TLS inspectors give it. */
  readonly serverName?: string | undefined;
  /** What a listener filter detected: `tls`, `raw_buffer` or a custom name. Default: `tls` when {@link Connection.tls} is set, else `raw_buffer`. */
  readonly transportProtocol?: string | undefined;
  /** ALPN protocols in the client's order, or what an HTTP inspector found. */
  readonly applicationProtocols?: readonly string[] | undefined;
  /** Present on TLS connections. */
  readonly tls?: TlsFacts | undefined;
  /** JA3 fingerprint of the TLS client hello. */
  readonly ja3?: string | undefined;
  /** JA4 fingerprint of the TLS client hello. */
  readonly ja4?: string | undefined;
  /** A number for `%CONNECTION_ID%`. */
  readonly id?: number | undefined;
}

/** What TLS established about the peer. */
export interface TlsFacts {
  /** Whether the peer showed a certificate. */
  readonly presented: boolean;
  /** Whether that certificate was verified. Envoy never says so for a resumed session. */
  readonly validated: boolean;
  /** URI subject alternative names in certificate order: SPIFFE IDs stand here. */
  readonly uriSans?: readonly string[] | undefined;
  /** DNS subject alternative names in certificate order. */
  readonly dnsSans?: readonly string[] | undefined;
  /** IP subject alternative names in certificate order. */
  readonly ipSans?: readonly string[] | undefined;
  /** E-mail subject alternative names in certificate order. */
  readonly emailSans?: readonly string[] | undefined;
  /** Subject alternative names of other kinds in certificate order. */
  readonly otherNameSans?: readonly string[] | undefined;
  /** The certificate in PEM. */
  readonly certificate?: string | undefined;
  /** From when the certificate is valid: Unix milliseconds. */
  readonly validFrom?: number | undefined;
  /** Until when: Unix milliseconds. */
  readonly validTo?: number | undefined;
  /** Subject in RFC 2253 form. */
  readonly subject?: string | undefined;
  /** Issuer in RFC 2253 form. */
  readonly issuer?: string | undefined;
  /** Serial number in hexadecimal. */
  readonly serial?: string | undefined;
  /** SHA-256 of the certificate in hexadecimal. */
  readonly fingerprint256?: string | undefined;
  /** SHA-1 of the certificate in hexadecimal. */
  readonly fingerprint1?: string | undefined;
  /** Protocol version as Envoy prints it: `TLSv1.3`. */
  readonly version?: string | undefined;
  /** Cipher suite name. */
  readonly cipher?: string | undefined;
  /** Session ID in hexadecimal. */
  readonly sessionId?: string | undefined;
}

/** A request as the router sees it: after HTTP has been parsed, before anything was decided. */
export interface RouteRequest {
  /** `:method`, in upper case as sent. */
  readonly method: string;
  /** `:scheme`: `http` or `https`. */
  readonly scheme: string;
  /**
   * Whether the client stated the scheme, by an absolute request target or in HTTP/2. Otherwise a connection manager derives it from
   * `x-forwarded-proto`.
   */
  readonly explicitScheme?: boolean | undefined;
  /** `:authority`, that is the Host header, with port if it had one. */
  readonly authority?: string | undefined;
  /** The port that a connection manager cut off the authority of a CONNECT: it is put back for the upstream. */
  readonly connectPort?: string | undefined;
  /** `:path` with query, undecoded. Absent on a plain CONNECT. */
  readonly path?: string | undefined;
  /** All other fields. Must contain `x-forwarded-proto`, or no route matches; the adapters see to that. */
  readonly headers: HeaderList;
  /** The protocol's name for `%PROTOCOL%`. Default `HTTP/1.1`. */
  readonly protocol?: string | undefined;
  /** Facts about the connection. */
  readonly connection?: Connection | undefined;
  /** The client's address as far as `x-forwarded-for` is trusted, without port. Default: the connection's source address. */
  readonly remoteAddress?: string | undefined;
  /** The trace the request belongs to, for `%TRACE_ID%`. */
  readonly traceId?: string | undefined;
  /** Dynamic metadata by namespace, as plain JSON values. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Filter state: the serialised form of each object by its key. */
  readonly filterState?: Readonly<Record<string, string>> | undefined;
}

/** What {@link createRequest} takes. */
export interface RequestInit {
  /** Default `GET`. */
  readonly method?: string | undefined;
  /** An absolute URL to take scheme, authority and path from; each can be given on its own instead. The path is not normalised. */
  readonly url?: string | undefined;
  /** Default: of the URL, else `http`. */
  readonly scheme?: string | undefined;
  /** Default: of the URL, else the `host` header. */
  readonly authority?: string | undefined;
  /** Default: of the URL, else `/`. */
  readonly path?: string | undefined;
  /** Fields by name, or pairs in order; `undefined` is absent, as in `node:http`. */
  readonly headers?:
    | Readonly<Record<string, string | readonly string[] | undefined>>
    | Iterable<readonly [string, string]>
    | undefined;
  /** Passed on. */
  readonly protocol?: string | undefined;
  /** Passed on. */
  readonly connection?: Connection | undefined;
  /** Passed on. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Passed on. */
  readonly filterState?: Readonly<Record<string, string>> | undefined;
}

/**
 * Builds a {@link RouteRequest} from what people have at hand. Names are lower-cased, `host` becomes the authority, and
 * `x-forwarded-proto` is added with the scheme if it is missing, as Envoy's connection manager does.
 *
 * @example
 * ```ts
 * import { createRequest } from "@weftmesh/router";
 *
 * const request = createRequest({ url: "http://shop/cart?id=1", headers: { "x-canary": "1" } });
 * console.log(request.authority, request.path); // shop /cart?id=1
 * ```
 */
export function createRequest(init: RequestInit): RouteRequest {
  const url = splitUrl(init.url);
  const scheme = init.scheme ?? url.scheme ?? "http";
  const headers: string[] = [];
  let host: string | undefined;
  let proto = false;
  for (const [name, value] of pairs(init.headers)) {
    const lower = name.toLowerCase();
    if (lower === "host" || lower === ":authority") {
      host ??= value;
      continue;
    }
    if (lower === "x-forwarded-proto") proto = true;
    headers.push(lower, value);
  }
  if (!proto) headers.push("x-forwarded-proto", scheme);
  const authority = init.authority ?? url.authority ?? host;
  return {
    method: init.method ?? "GET",
    scheme,
    ...(authority === undefined ? {} : { authority }),
    path: init.path ?? url.path ?? "/",
    headers: HeaderFields.read("request", headers).toList(),
    ...(init.protocol === undefined ? {} : { protocol: init.protocol }),
    ...(init.connection === undefined ? {} : { connection: init.connection }),
    ...(init.metadata === undefined ? {} : { metadata: init.metadata }),
    ...(init.filterState === undefined ? {} : { filterState: init.filterState }),
  };
}

function* pairs(headers: RequestInit["headers"]): Iterable<readonly [string, string]> {
  if (headers === undefined) return;
  if (Symbol.iterator in headers) {
    yield* headers as Iterable<readonly [string, string]>;
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === "string") yield [name, value];
    else for (const one of value ?? []) yield [name, one];
  }
}

interface UrlParts {
  readonly scheme?: string;
  readonly authority?: string;
  readonly path?: string;
}

// Not `URL`: that would normalise the path, and the router must see it as it was written.
function splitUrl(url: string | undefined): UrlParts {
  if (url === undefined) return {};
  const end = url.indexOf("://");
  if (end < 0) return { path: url };
  const rest = url.slice(end + 3);
  const slash = rest.search(/[/?#]/);
  const scheme = url.slice(0, end).toLowerCase();
  if (slash < 0) return { scheme, authority: rest, path: "/" };
  const path = rest.slice(slash);
  return { scheme, authority: rest.slice(0, slash), path: path.startsWith("/") ? path : `/${path}` };
}
