import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2SecureServer, Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Agent, AgentOptions, Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { ConnectionOptions, Server, TLSSocket, TlsOptions } from "node:tls";
import type { CertError } from "../errors.js";
import type { IdMatcher } from "../matcher.js";
import type { VerifiedSvid } from "../peer.js";
import type { IdentitySource } from "../source.js";
import type { SpiffeId } from "../spiffe-id.js";

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
export interface TlsServerOptions {
  /** Who may connect. Default: every member of a trusted domain. */
  readonly authorize?: IdMatcher;
  /** Whether a client needs a certificate: `optional` lets clients without one in, `peerOf` is then undefined. Default: `required`. */
  readonly clientCertificate?: "required" | "optional";
  /** Application protocols in order of preference. Default: none. */
  readonly alpnProtocols?: readonly string[];
  /** What happens to a live connection whose peer is over or lost its root. Default: `flag`. */
  readonly onStale?: "flag" | "close";
  /** Called for every connection that is turned away. */
  readonly onRejected?: (rejection: PeerRejection) => void;
}
/** How a client talks to its peer. */
export interface TlsClientOptions {
  /** Who the peer may be: clients must say whom they want to reach. */
  readonly authorize: IdMatcher;
  /** Application protocols in order of preference. Default: none. */
  readonly alpnProtocols?: readonly string[];
  /** The server name to send. Default: none, a SPIFFE peer is not known by a DNS name. */
  readonly servername?: string;
  /** What happens to a live connection whose peer is over or lost its root. Default: `flag`. */
  readonly onStale?: "flag" | "close";
  /** How long a handshake may take, in milliseconds. Default: 10,000. */
  readonly handshakeTimeoutMs?: number;
}
/** Options for node:tls as they are at this moment. */
export interface TlsOptionSet {
  /** For `tls.createServer` and `setSecureContext`; the second gate is not in it, see `tlsServer`. */
  server(options?: TlsServerOptions): TlsOptions;
  /** For `tls.connect`; both gates are in it. */
  client(options: TlsClientOptions): ConnectionOptions;
}
/** Options for whoever calls node:tls. */
export declare function tlsOptions(source: IdentitySource): TlsOptionSet;
/** A TLS server. Hand it an accepted socket with `server.emit("connection", socket)` where another one listens. */
export declare function tlsServer(
  source: IdentitySource,
  options?: TlsServerOptions,
  listener?: (socket: TLSSocket) => void,
): Server;
/** An HTTPS server. */
export declare function httpsServer(
  source: IdentitySource,
  options?: TlsServerOptions,
  listener?: (request: IncomingMessage, response: ServerResponse) => void,
): HttpsServer;
/** An HTTP/2 server, with HTTP/1.1 for those who ask for it. */
export declare function http2Server(
  source: IdentitySource,
  options?: TlsServerOptions,
  listener?: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Http2SecureServer;
/** Connects, and resolves once the peer has passed both gates. */
export declare function tlsConnect(
  source: IdentitySource,
  options: TlsClientOptions & {
    readonly host?: string;
    readonly port?: number;
    readonly path?: string;
    readonly socket?: Socket;
    readonly signal?: AbortSignal;
  },
): Promise<TLSSocket>;
/** An agent for `node:https`. */
export declare function httpsAgent(source: IdentitySource, options: TlsClientOptions & AgentOptions): Agent;
/** The shape of undici's `connect` option. */
export type UndiciConnector = (
  options: { readonly hostname: string; readonly port: string; readonly httpSocket?: Socket },
  callback: (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void,
) => void;
/** The `connect` option of an undici `Client`, `Pool` or `Agent`. */
export declare function undiciConnect(source: IdentitySource, options: TlsClientOptions): UndiciConnector;
/** Who is at the other end of a socket that came through one of these helpers. */
export declare function peerOf(socket: Socket): VerifiedSvid | undefined;
