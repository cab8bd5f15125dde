import type { ClientRequestArgs } from "node:http";
import type { ClientHttp2Session } from "node:http2";
import type { Agent, AgentOptions } from "node:https";
import type { Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { CertError } from "../errors.js";
import type { IdMatcher } from "../matcher.js";
import type { Identity, IdentitySource } from "../source.js";
import { builtin } from "./builtin.js";
import { systemScheduler } from "./clock.js";
import { type LiveConnections, type StaleOptions, watchConnections } from "./live-connections.js";
import { secureContextOf } from "./tls-context.js";
import { judgePeer, setPeer } from "./tls-gate.js";

/** How a client talks to its peer. */
export interface TlsClientOptions extends StaleOptions {
  /** Who the peer may be: a client must say whom it wants to reach. */
  readonly authorize: IdMatcher;
  /** Application protocols in order of preference. Default: none. */
  readonly alpnProtocols?: readonly string[];
  /** The server name to send. Default: none, for a SPIFFE peer is not known by a DNS name. */
  readonly servername?: string;
  /** How long connecting and the handshake may take, in milliseconds. Default: 10,000. */
  readonly handshakeTimeoutMs?: number;
}

/** Where to connect to. */
export interface TlsTarget {
  /** Host name or address. Default: `localhost`. */
  readonly host?: string;
  /** Port. */
  readonly port?: number;
  /** A Unix socket instead of host and port. */
  readonly path?: string;
  /** A connection that is open already. */
  readonly socket?: Socket;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

function currentIdentity(source: IdentitySource): Identity {
  const identity = source.current();
  if (identity) return identity;
  throw new CertError("ERR_CERT_NO_IDENTITY", "source", "there is no certificate yet; wait for source.ready()");
}

/** One registry for each source that clients use, so that one timer watches all its connections. */
const registries = new WeakMap<IdentitySource, Map<string, LiveConnections>>();

function registryOf(source: IdentitySource, options: TlsClientOptions): LiveConnections {
  let ofSource = registries.get(source);
  if (!ofSource) {
    ofSource = new Map();
    registries.set(source, ofSource);
  }
  const key = `${options.onStale} ${options.closeSpreadMs}`;
  let live = ofSource.get(key);
  if (!live) {
    live = watchConnections(source, options);
    ofSource.set(key, live);
  }
  return live;
}

type Target = Pick<ConnectionOptions, "host" | "port" | "path" | "socket">;
type Done = (...result: [error: null, socket: TLSSocket] | [error: Error, socket: null]) => void;

/** Connects and calls back once: with a socket whose peer passed both gates, or with the reason. */
function dial(source: IdentitySource, options: TlsClientOptions, target: Target, done: Done): TLSSocket | undefined {
  let identity: Identity;
  try {
    identity = currentIdentity(source);
  } catch (error) {
    queueMicrotask(() => done(error as Error, null));
    return undefined;
  }
  const socket = builtin.tls().connect({
    ...target,
    secureContext: secureContextOf(identity),
    // OpenSSL's verdict is looked at by the gate, which can then say which rule failed.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.alpnProtocols ? { ALPNProtocols: [...options.alpnProtocols] } : {}),
  });
  const timeout = systemScheduler.after(options.handshakeTimeoutMs ?? 10_000, () =>
    socket.destroy(new CertError("ERR_CERT_HANDSHAKE", "peer", "connecting took too long")),
  );
  const finish = (error: Error | null): void => {
    timeout[Symbol.dispose]();
    socket.off("error", finish);
    socket.off("close", onClose);
    socket.off("secureConnect", onSecure);
    if (error) {
      socket.on("error", () => undefined);
      socket.destroy();
      done(error, null);
    } else done(null, socket);
  };
  const onClose = (): void =>
    finish(new CertError("ERR_CERT_HANDSHAKE", "peer", "closed the connection in the handshake"));
  const onSecure = (): void => {
    // The bundles of now, not of when the handshake began: a root may have gone in between.
    const bundles = source.current()?.bundles ?? identity.bundles;
    const verdict = judgePeer(socket, bundles, systemScheduler.now(), options.authorize);
    if (verdict.kind === "rejected") {
      finish(verdict.error);
      return;
    }
    setPeer(socket, verdict);
    registryOf(source, options).add(socket, verdict);
    finish(null);
  };
  socket.on("error", finish);
  socket.on("close", onClose);
  socket.on("secureConnect", onSecure);
  return socket;
}

/**
 * Connects, and resolves once the peer has passed both gates. In TLS 1.3 the server judges the client's certificate
 * only after that: a refusal shows as the end of the connection at the first read.
 *
 * @throws {@link CertError} for the rule that the peer fails, `ERR_CERT_NO_IDENTITY` while the source has none, and what the network throws.
 */
export function tlsConnect(source: IdentitySource, options: TlsClientOptions & TlsTarget): Promise<TLSSocket> {
  const { host, port, path, socket, signal } = options;
  const target: Target = {
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path }),
    ...(socket === undefined ? {} : { socket }),
  };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => void made?.destroy(signal?.reason);
    const made = dial(source, options, target, (error, open) => {
      signal?.removeEventListener("abort", onAbort);
      if (error) reject(error);
      else resolve(open);
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** An agent for `node:https`: each connection uses the certificate of its moment, and each peer is checked. */
export function httpsAgent(source: IdentitySource, options: TlsClientOptions, agentOptions: AgentOptions = {}): Agent {
  // Node's agent resumes sessions, and then neither asks for nor checks a certificate: measured, 1 request in 3 was.
  const agent = new (builtin.https().Agent)({ ...agentOptions, maxCachedSessions: 0 });
  const tls = { alpnProtocols: ["http/1.1"], ...options };
  const createConnection = (
    { host, port, socketPath }: ClientRequestArgs,
    callback?: (error: Error | null, socket: TLSSocket) => void,
  ): undefined => {
    const target: Target = {
      ...(host == null ? {} : { host }),
      ...(port == null ? {} : { port: Number(port) }),
      ...(socketPath == null ? {} : { path: socketPath }),
    };
    // Node's callback takes an error alone; its type says that there is a socket too.
    dial(source, tls, target, (error, socket) => callback?.(error, socket as TLSSocket));
  };
  return Object.assign(agent, { createConnection });
}

/** A function for undici's `connect` option. */
export type UndiciConnector = (
  options: { readonly hostname: string; readonly port: string | number; readonly httpSocket?: Socket | undefined },
  callback: (...result: [error: null, socket: TLSSocket] | [error: Error, socket: null]) => void,
) => void;

/** The `connect` option of an undici `Client`, `Pool` or `Agent`: `new Agent({ connect: undiciConnect(source, { authorize }) })`. */
export function undiciConnect(source: IdentitySource, options: TlsClientOptions): UndiciConnector {
  return ({ hostname, port, httpSocket }, callback) => {
    const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
    const target: Target = httpSocket ? { socket: httpSocket } : { host, port: Number(port || 443) };
    dial(source, { alpnProtocols: ["http/1.1"], ...options }, target, callback);
  };
}

/**
 * Opens an HTTP/2 session to a peer that has passed both gates.
 *
 * @param authority - What goes into `:authority`, such as `https://reviews`; where to connect is said by `options`.
 * @throws as {@link tlsConnect}.
 */
export async function http2Connect(
  source: IdentitySource,
  authority: string,
  options: TlsClientOptions & TlsTarget,
): Promise<ClientHttp2Session> {
  const socket = await tlsConnect(source, { alpnProtocols: ["h2"], ...options });
  return builtin.http2().connect(authority, { createConnection: () => socket });
}
