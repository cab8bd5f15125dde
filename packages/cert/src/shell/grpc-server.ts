import { isIP, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import { CertError } from "../errors.js";
import type { VerifiedSvid } from "../peer.js";
import type { IdentitySource } from "../source.js";
import { peerOf } from "./tls-gate.js";
import { type TlsServerOptions, tlsServer } from "./tls-server.js";

/** Where and how a gRPC server listens. */
export interface GrpcListenOptions extends Omit<TlsServerOptions, "alpnProtocols"> {
  /** The identity of the server. Without one `insecure` must be set. */
  readonly source?: IdentitySource;
  /** Serve without TLS: only for loopback, Unix sockets and tests. Default: false. */
  readonly insecure?: boolean;
  /** Where to listen. Default: `127.0.0.1`. */
  readonly host?: string;
  /** The port; 0 picks a free one. Default: 0. */
  readonly port?: number;
}

/** A gRPC server that listens. */
export interface GrpcListener extends AsyncDisposable {
  /** `host:port` as clients write it. */
  readonly address: string;
  /** Who made a call, by the address that the call names; `undefined` for callers without a certificate. */
  peerAt(address: string): VerifiedSvid | undefined;
  /** Stops: lets calls in flight end, for two seconds at most. */
  close(): Promise<void>;
}

/** How long calls in flight are waited for. */
const GRACE_MS = 2000;

function joinAddress(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function shutdown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Lets a gRPC server listen behind both gates: the connections are accepted and judged here and only then handed to
 * gRPC, whose own credentials cannot hold a connection back while it is being judged.
 */
export async function listenGrpc(server: Server, options: GrpcListenOptions): Promise<GrpcListener> {
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? 0;
  if (!options.source) {
    if (!options.insecure) throw new CertError("ERR_CERT_OPTION", "source", "needed unless insecure is set");
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(joinAddress(host, port), ServerCredentials.createInsecure(), (error, actual) =>
        error ? reject(error) : resolve(actual),
      );
    });
    const close = (): Promise<void> => shutdown(server);
    return { address: joinAddress(host, bound), peerAt: () => undefined, close, [Symbol.asyncDispose]: close };
  }

  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Map<string, TLSSocket>();
  const front = tlsServer(options.source, { ...options, alpnProtocols: ["h2"] }, (socket) => {
    const address = `${socket.remoteAddress}:${socket.remotePort}`;
    sockets.set(address, socket);
    socket.once("close", () => sockets.delete(address));
    injector.injectConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    front.once("error", reject);
    front.listen(port, host, () => {
      front.off("error", reject);
      resolve();
    });
  });
  const address = front.address();
  const bound = typeof address === "object" && address ? address.port : port;
  const close = async (): Promise<void> => {
    const ended = new Promise<void>((resolve) => front.close(() => resolve()));
    injector.destroy();
    await shutdown(server);
    for (const socket of sockets.values()) socket.destroy();
    await ended;
  };
  return {
    address: joinAddress(host, bound),
    peerAt: (at) => {
      const socket: Socket | undefined = sockets.get(at);
      return socket ? peerOf(socket) : undefined;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
