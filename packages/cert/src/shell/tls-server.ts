import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Server, TLSSocket, TlsOptions } from "node:tls";
import type { LiveConnection } from "../connections.js";
import type { CertError } from "../errors.js";
import { type IdMatcher, matchAny } from "../matcher.js";
import type { Identity, IdentitySource } from "../source.js";
import type { SpiffeId } from "../spiffe-id.js";
import { builtin } from "./builtin.js";
import { systemScheduler } from "./clock.js";
import { type StaleOptions, watchConnections } from "./live-connections.js";
import { secureContextOptions } from "./tls-context.js";
import { judgePeer, peerChain, setPeer } from "./tls-gate.js";

/** A connection that was turned away. */
export interface PeerRejection {
  /** Why. */
  readonly error: CertError;
  /** The address of the peer, if the socket has one. */
  readonly remoteAddress: string | undefined;
  /** The ID the peer claimed, if it got that far; a claim, not a fact. */
  readonly claimedId: SpiffeId | undefined;
}

/** How a server talks to its peers. */
export interface TlsServerOptions extends StaleOptions {
  /** Who may connect. Default: every member of a trusted domain. */
  readonly authorize?: IdMatcher;
  /** Whether a client needs a certificate: `optional` lets clients without one in, `peerOf` is then undefined. Default: `required`. */
  readonly clientCertificate?: "required" | "optional";
  /** Application protocols in order of preference. Default: none. */
  readonly alpnProtocols?: readonly string[];
  /** How long a handshake may take, in milliseconds. Default: 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Called for every connection that is turned away. */
  readonly onRejected?: (rejection: PeerRejection) => void;
}

type AnyTlsServer = Server | HttpsServer | Http2SecureServer;

const registries = new WeakMap<object, () => readonly LiveConnection[]>();

/** The open connections of a server made here, with those whose peer could not connect now. */
export function liveConnections(server: Server | HttpsServer | Http2SecureServer): readonly LiveConnection[] {
  return registries.get(server)?.() ?? [];
}

/** What Node needs to know; that OpenSSL's verdict is acted upon by the gate lets us say *why* a peer was refused. */
function nodeOptions(options: TlsServerOptions): TlsOptions {
  return {
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeTimeoutMs ?? 10_000,
    ...(options.alpnProtocols ? { ALPNProtocols: [...options.alpnProtocols] } : {}),
  };
}

/**
 * Switches to another identity. Node's servers keep the key that they are given, in the constructor's options or as
 * `server.key`, where whoever prints the server sees it; by now it is in OpenSSL's hands, so it is taken away again.
 */
function present(server: AnyTlsServer, identity: Identity): void {
  server.setSecureContext(secureContextOptions(identity));
  Object.assign(server, { key: undefined });
}

/**
 * Puts the gate in front of everybody who listens to the server, now or later: connections are announced by an event,
 * so the one place that all of them pass is `emit`.
 */
function guard(server: AnyTlsServer, source: IdentitySource, options: TlsServerOptions): void {
  const authorize = options.authorize ?? matchAny;
  const live = watchConnections(source, options);
  registries.set(server, () => live.list());
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;

  const admit = (socket: TLSSocket): boolean => {
    const bundles = source.current()?.bundles ?? new Map();
    if (options.clientCertificate === "optional" && !socket.isSessionReused() && peerChain(socket).length === 0)
      return true;
    const verdict = judgePeer(socket, bundles, systemScheduler.now(), authorize);
    if (verdict.kind === "verified") {
      setPeer(socket, verdict);
      live.add(socket, verdict);
      return true;
    }
    socket.on("error", () => undefined);
    socket.destroy();
    const { error, claimedId } = verdict;
    options.onRejected?.({ error, claimedId, remoteAddress: socket.remoteAddress });
    return false;
  };

  // Each connection finds the identity of its moment. Nothing is watched, so a server that nobody holds is forgotten.
  let version: number | undefined;
  const follow = (): void => {
    const identity = source.current();
    if (identity === undefined || identity.version === version) return;
    version = identity.version;
    present(server, identity);
  };
  follow();
  server.emit = ((event: string | symbol, ...args: unknown[]): boolean => {
    if (event === "connection") follow();
    if (event === "secureConnection" && !admit(args[0] as TLSSocket)) return true;
    return emit(event, ...args);
  }) as typeof server.emit;
  server.once("close", () => live[Symbol.dispose]());
}

/**
 * A TLS server that announces only connections whose peer passed both gates. It follows the source: new connections
 * get the new certificate, those that live go on. Hand it a socket that something else accepted with
 * `server.emit("connection", socket)`.
 *
 * @param source - Its identity. While there is none every handshake fails.
 */
export function tlsServer(
  source: IdentitySource,
  options: TlsServerOptions = {},
  listener?: (socket: TLSSocket) => void,
): Server {
  const server = builtin.tls().createServer(nodeOptions(options), listener);
  guard(server, source, options);
  return server;
}

/** An HTTPS server behind both gates; `peerOf(request.socket)` says who asks. */
export function httpsServer(
  source: IdentitySource,
  options: TlsServerOptions = {},
  listener?: (request: IncomingMessage, response: ServerResponse) => void,
): HttpsServer {
  const server = builtin.https().createServer(nodeOptions({ alpnProtocols: ["http/1.1"], ...options }), listener);
  guard(server, source, options);
  return server;
}

/** An HTTP/2 server behind both gates, with HTTP/1.1 for those who ask for it; `peerOf(request.stream.session.socket)` says who asks. */
export function http2Server(
  source: IdentitySource,
  options: TlsServerOptions = {},
  listener?: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Http2SecureServer {
  const protocols = { alpnProtocols: ["h2", "http/1.1"], ...options };
  const server = builtin.http2().createSecureServer({ ...nodeOptions(protocols), allowHTTP1: true }, listener);
  guard(server, source, options);
  return server;
}
