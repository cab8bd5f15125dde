import type { HttpConnectionManager } from "@weftmesh/xds-types/envoy/extensions/filters/network/http_connection_manager/v3";
import { asciiLower, byteText } from "./ascii.js";
import { lastForwarded, sanitize } from "./connection-manager/forwarded.js";
import {
  compileLocalReplies,
  type LocalReplyRules,
  type ReplyContext,
} from "./connection-manager/local-reply-config.js";
import { cleanPath, type EscapedSlashes } from "./connection-manager/path.js";
import type { LocalReply } from "./decision.js";
import { withoutPort } from "./domain-index.js";
import { RequestFacts } from "./facts.js";
import { HeaderFields } from "./header/fields.js";
import { buildReply } from "./local-reply.js";
import { compileRanges, parseAddress } from "./match/address.js";
import { isGrpc } from "./match/route-match.js";
import type { HeaderList, RouteRequest } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import { type SurroundingsOptions, surroundingsOf } from "./surroundings.js";

/** What comes of a request before it is routed. */
export type Admission =
  | {
      /** Tells the variants apart. */
      readonly kind: "request";
      /** Route this. */
      readonly request: RouteRequest;
    }
  /** Answer this; the request is not routed. */
  | {
      /** Tells the variants apart. */
      readonly kind: "reply";
      /** Envoy's RESPONSE_CODE_DETAILS. */
      readonly details: "missing_host_header" | "absolute_path_rejected" | "path_normalization_failed";
      /**
       * The complete answer. In Envoy the response mutations of the route that takes `request` are in it too: that
       * is `refuse(reply.original)` of its decision.
       */
      readonly reply: LocalReply;
      /** The request as far as it was cleaned up. */
      readonly request: RouteRequest;
    };

/** The parts of an HTTP connection manager that change requests before routing, and answers that the proxy makes itself. */
export interface ConnectionManager {
  /**
   * Cleans a request up: host, path, `x-forwarded-*` and `x-envoy-*`, in Envoy's order.
   *
   * @param internalOnlyHeaders - `internal_only_headers` of the route table that will be asked.
   */
  accept(request: RouteRequest, internalOnlyHeaders?: readonly string[]): Admission;
  /** Cleans up a request that an internal redirect made: its host and path; its fields are clean already. */
  acceptRedirected(request: RouteRequest): Admission;
  /** Applies `local_reply_config` to an answer of the proxy's own. Filters such as CORS come after, then {@link ConnectionManager.response}. */
  reply(reply: LocalReply, request: RouteRequest, context: ReplyContext): LocalReply;
  /** Settles the `server` field of any response, last of all. */
  response(headers: HeaderList): HeaderList;
}

/** Options of {@link compileConnectionManager}. */
export interface ConnectionManagerOptions extends SurroundingsOptions {
  /** The proxy's own address: it stands in `x-forwarded-for` for clients on the loopback address. Default `127.0.0.1`. */
  readonly localAddress?: string | undefined;
  /** Where the configuration stands in the user's input; put before each issue's path. */
  readonly path?: string | undefined;
}

const managerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

const escapedSlashes: readonly EscapedSlashes[] = [
  "KEEP_UNCHANGED",
  "KEEP_UNCHANGED",
  "REJECT_REQUEST",
  "UNESCAPE_AND_REDIRECT",
  "UNESCAPE_AND_FORWARD",
];

/**
 * Compiles the steps of an HttpConnectionManager that stand around routing.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/header_sanitizing
 */
export function compileConnectionManager(
  unchecked: HttpConnectionManager,
  options: ConnectionManagerOptions = {},
): ConnectionManager {
  const scope = Scope.root(options.path);
  const config = checkShape(unchecked, managerType, scope);
  const surroundings = surroundingsOf(options);
  const replies = compileLocalReplies(config.localReplyConfig, scope.field("local_reply_config"), surroundings);
  const internal = compileRanges(
    config.internalAddressConfig?.cidrRanges ?? [],
    "internal_address_config.cidr_ranges",
    scope,
  );
  scope.throwIfRefused();
  return new Manager(config, options.localAddress ?? "127.0.0.1", internal, replies);
}

class Manager implements ConnectionManager {
  readonly #config: HttpConnectionManager;
  readonly #localAddress: string;
  readonly #internal: ReturnType<typeof compileRanges>;
  readonly #replies: LocalReplyRules;
  readonly #slashes: EscapedSlashes;

  constructor(
    config: HttpConnectionManager,
    localAddress: string,
    internal: ReturnType<typeof compileRanges>,
    replies: LocalReplyRules,
  ) {
    this.#config = config;
    this.#localAddress = localAddress;
    this.#internal = internal;
    this.#replies = replies;
    const slashes = config.pathWithEscapedSlashesAction ?? 0;
    this.#slashes =
      typeof slashes === "number"
        ? (escapedSlashes[slashes] ?? "KEEP_UNCHANGED")
        : slashes === "IMPLEMENTATION_SPECIFIC_DEFAULT"
          ? "KEEP_UNCHANGED"
          : slashes;
  }

  acceptRedirected(request: RouteRequest): Admission {
    if (request.authority === undefined) return refuse(request, 400, "missing_host_header");
    let path = request.path;
    if (path !== undefined && path !== "" && !path.startsWith("/"))
      return refuse(request, 404, "absolute_path_rejected");
    if (path !== undefined) {
      const result = cleanPath(path, {
        escapedSlashes: this.#slashes,
        normalize: this.#config.normalizePath === true,
        mergeSlashes: this.#config.mergeSlashes === true,
      });
      path = result.path;
      if (result.kind !== "continue") {
        const redirect = result.kind === "redirect" && !isGrpcRequest(request);
        return refuse(
          { ...request, path },
          redirect ? 307 : 400,
          "path_normalization_failed",
          redirect ? path : undefined,
        );
      }
    }
    const authority = this.#cleanHost(request.authority, request.connection?.destinationPort);
    const port = request.method === "CONNECT" ? /:(\d+)$/.exec(request.authority)?.[1] : undefined;
    const connectPort = port === undefined || authority.endsWith(`:${port}`) ? undefined : port;
    return { kind: "request", request: { ...request, authority, path, ...(connectPort && { connectPort }) } };
  }

  accept(request: RouteRequest, internalOnlyHeaders: readonly string[] = []): Admission {
    const admission = this.acceptRedirected(request);
    if (admission.kind === "reply") return admission;
    const fields = HeaderFields.read("request", request.headers);
    removeHopByHop(fields);
    if (!this.#trustsClientCert(request)) fields.remove("x-forwarded-client-cert");
    const remoteAddress = this.#forwarded(request, fields, internalOnlyHeaders);
    const proto = asciiLower(fields.get("x-forwarded-proto") ?? "");
    const derived = request.explicitScheme !== true && (proto === "http" || proto === "https");
    const scheme = derived ? proto : request.scheme;
    return { kind: "request", request: { ...admission.request, scheme, headers: fields.toList(), remoteAddress } };
  }

  reply(reply: LocalReply, request: RouteRequest, context: ReplyContext): LocalReply {
    return this.#replies.rewrite(reply, request, context);
  }

  response(headers: HeaderList): HeaderList {
    const name =
      this.#config.serverName === undefined || this.#config.serverName === ""
        ? "envoy"
        : byteText(this.#config.serverName);
    const transformation = this.#config.serverHeaderTransformation ?? "OVERWRITE";
    if (transformation === "PASS_THROUGH" || transformation === 2) return headers;
    const fields = new HeaderFields("response", headers);
    const absent = transformation === "APPEND_IF_ABSENT" || transformation === 1;
    if (!absent || !fields.has("server")) fields.put("server", name);
    return fields.toList();
  }

  /**
   * Whether what a peer says about certificates before it is passed on. That the peer's own certificate is added, as
   * `APPEND_FORWARD` and `SANITIZE_SET` ask for, is left to whoever has it.
   */
  #trustsClientCert(request: RouteRequest): boolean {
    const details = this.#config.forwardClientCertDetails ?? "SANITIZE";
    if (details === "ALWAYS_FORWARD_ONLY" || details === 4) return true;
    const forwards = details === "FORWARD_ONLY" || details === 1 || details === "APPEND_FORWARD" || details === 2;
    return forwards && request.connection?.tls?.presented === true;
  }

  /** Settles the `x-forwarded-*` fields; returns the client's trusted address. */
  #forwarded(request: RouteRequest, fields: HeaderFields, internalOnlyHeaders: readonly string[]): string | undefined {
    const config = this.#config;
    const direct = request.connection?.sourceAddress;
    const hops = config.xffNumTrustedHops ?? 0;
    const useRemote = config.useRemoteAddress === true;
    const transport = request.connection?.tls === undefined ? "http" : "https";
    let single: boolean;
    let remote: string | undefined;
    if (useRemote) {
      single = !fields.has("x-forwarded-for");
      remote = (hops > 0 ? lastForwarded(fields, hops - 1)?.text : undefined) ?? direct;
      if (config.skipXffAppend !== true && direct !== undefined) {
        const loopback = direct === "127.0.0.1" || direct === "::1";
        fields.add("x-forwarded-for", loopback ? this.#localAddress : direct);
      }
      if (hops === 0 || !fields.has("x-forwarded-proto")) {
        fields.put("x-forwarded-proto", transport);
      }
    } else {
      const found = lastForwarded(fields, hops);
      single = found?.single === true;
      remote = found?.text;
      if (!fields.has("x-forwarded-proto")) fields.add("x-forwarded-proto", transport);
    }
    const isInternal = single && remote !== undefined && this.#internal.contains(parseAddress(remote));
    const edge = useRemote && !isInternal;
    if (isInternal) fields.put("x-envoy-internal", "true");
    else sanitize(fields, edge, internalOnlyHeaders.map(asciiLower));
    remote ??= direct;
    if (edge && remote !== undefined) fields.put("x-envoy-external-address", remote);
    return remote;
  }

  #cleanHost(authority: string, localPort: number | undefined): string {
    let host = authority;
    if (this.#config.stripTrailingHostDot === true)
      host = host.replace(/\.(:\d*)?$/, (_, port: string | undefined) => port ?? "");
    if (!/:\d{1,9}$/.test(host)) return host;
    if (this.#config.stripAnyHostPort === true) return withoutPort(host);
    const matches = localPort !== undefined && host.endsWith(`:${localPort}`);
    return this.#config.stripMatchingHostPort === true && matches ? withoutPort(host) : host;
  }
}

/** Tokens of `connection` that name no field to remove. */
const KEPT = /^(close|connection|keep-alive|te|upgrade|http2-settings|host|x-forwarded-.*|x-envoy-.*)$/;

/** Fields that belong to the connection, not to the request. */
function removeHopByHop(fields: HeaderFields): void {
  const upgrade = fields.has("upgrade");
  // Whoever sends a field may call it the connection's own, but not those that say who asked for what.
  for (const token of (fields.get("connection") ?? "").split(",")) {
    const name = asciiLower(token.trim());
    if (name !== "" && !KEPT.test(name)) fields.remove(name);
  }
  if (!upgrade) fields.remove("connection");
  for (const name of ["keep-alive", "proxy-connection", "transfer-encoding"]) fields.remove(name);
  const te = fields
    .get("te")
    ?.split(",")
    .some((token) => token.trim() === "trailers");
  if (te === true) fields.put("te", "trailers");
  else fields.remove("te");
}

function isGrpcRequest(request: RouteRequest): boolean {
  return isGrpc(new RequestFacts(request, { random: () => 0, now: 0 }, false));
}

function refuse(
  request: RouteRequest,
  status: number,
  details: Extract<Admission, { kind: "reply" }>["details"],
  location?: string,
): Admission {
  const facts = new RequestFacts(request, { random: () => 0, now: 0 }, false);
  // The scheme of an HTTP/1 request is settled after this.
  const scheme = request.explicitScheme === true ? request.scheme : "";
  const reply = buildReply({ status, body: "", location }, facts);
  return { kind: "reply", details, reply, request: { ...request, scheme } };
}
