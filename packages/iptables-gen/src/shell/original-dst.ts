import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseAddress, unmap } from "../address.js";
import { addressText, type Endpoint, remoteOf } from "../proc-net.js";

/** What {@link originalDst} needs of a `net.Socket`. */
export interface AcceptedSocket {
  /** Address the connection was accepted on. */
  readonly localAddress?: string | undefined;
  /** Port the connection was accepted on. */
  readonly localPort?: number | undefined;
  /** Address of the client. */
  readonly remoteAddress?: string | undefined;
  /** Port of the client. */
  readonly remotePort?: number | undefined;
}

/** How {@link originalDst} looks. */
export interface OriginalDstOptions {
  /** The listener has IP_TRANSPARENT (TPROXY): the local address is the original destination. Default false. */
  readonly transparent?: boolean;
  /** Port the listener is bound to, to tell a direct call of a transparent listener. Default: the local port is not compared. */
  readonly listenerPort?: number;
}

/** Where a connection was meant to go. */
export type OriginalDst = FoundDst | LoopDst | UnknownDst;

/** The original destination was found. */
export interface FoundDst extends Endpoint {
  /** Tag of this answer. */
  readonly kind: "found";
  /** Whether it differs from the address the connection was accepted on. */
  readonly redirected: boolean;
  /** How it was found. */
  readonly by: "getsockopt" | "transparent" | "proc";
}

/** The client dialled the listener itself: forwarding would come back here for ever. Close the connection. */
export interface LoopDst extends Endpoint {
  /** Tag of this answer. */
  readonly kind: "loop";
}

/** Nothing on this machine can tell. */
export interface UnknownDst {
  /** Tag of this answer. */
  readonly kind: "unknown";
  /** What was tried, and why it did not help. */
  readonly reason: string;
}

/**
 * The address a captured connection was meant for.
 *
 * Looks, in this order: SO_ORIGINAL_DST through the optional package `koffi`; the local address, if the listener is transparent; the
 * client's own socket in /proc/net/tcp, which serves outbound connections of the same network namespace. Call it when the
 * connection is accepted. Never throws.
 *
 * @example
 * ```ts
 * import { createServer } from "node:net";
 * import { originalDst } from "@weftmesh/iptables-gen";
 *
 * const server = createServer((socket) => {
 *   const dst = originalDst(socket);
 *   console.log(dst.kind === "found" ? `${dst.address}:${dst.port}` : dst.kind);
 *   socket.destroy();
 * });
 * server.listen(0, "127.0.0.1", () => server.close());
 * ```
 */
export function originalDst(socket: AcceptedSocket, options: OriginalDstOptions = {}): OriginalDst {
  const local = endpoint(socket.localAddress, socket.localPort);
  const remote = endpoint(socket.remoteAddress, socket.remotePort);
  if (local === undefined || remote === undefined) return { kind: "unknown", reason: "the socket is not connected" };
  if (options.transparent === true) {
    if (options.listenerPort === local.port) return { kind: "loop", ...local };
    return { kind: "found", ...local, redirected: options.listenerPort !== undefined, by: "transparent" };
  }
  const reasons: string[] = [];
  const asked = askKernel(socket, remote, local);
  if (typeof asked !== "string") return judge(asked, local, "getsockopt");
  reasons.push(asked);
  const seen = searchProc(remote);
  if (typeof seen !== "string") return judge(seen, local, "proc");
  reasons.push(seen);
  return { kind: "unknown", reason: reasons.join("; ") };
}

function judge(found: Endpoint, local: Endpoint, by: "getsockopt" | "proc"): OriginalDst {
  const redirected = found.address !== local.address || found.port !== local.port;
  return redirected ? { kind: "found", ...found, redirected, by } : { kind: "loop", ...found };
}

function endpoint(address: string | undefined, port: number | undefined): Endpoint | undefined {
  if (address === undefined || port === undefined) return undefined;
  const parsed = parseAddress(address.split("%", 1)[0] ?? "");
  return parsed.kind === "bad" ? undefined : { address: addressText(parsed.bytes), port };
}

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const ENOENT = 2;
/** Bytes of a sockaddr_in6, the longer of the two. */
const SOCKADDR_BYTES = 28;

type GetSockOpt = (fd: number, level: number, option: number, value: Uint8Array, length: number[]) => number;

interface Kernel {
  readonly getsockopt: GetSockOpt;
  readonly errno: () => number;
}

let kernel: Kernel | string | undefined;

function askKernel(socket: AcceptedSocket, remote: Endpoint, local: Endpoint): Endpoint | string {
  kernel ??= loadKernel();
  if (typeof kernel === "string") return kernel;
  // node has no public way to a socket's descriptor; this handle has been there since its first release.
  const fd = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd;
  if (fd === undefined || fd < 0) return "the socket has no file descriptor";
  const value = new Uint8Array(SOCKADDR_BYTES);
  const level = isV4(remote.address) ? SOL_IP : SOL_IPV6;
  if (kernel.getsockopt(fd, level, SO_ORIGINAL_DST, value, [SOCKADDR_BYTES]) !== 0) {
    const errno = kernel.errno();
    // No conntrack entry: nothing was rewritten, so the local address is the destination.
    return errno === ENOENT ? local : `getsockopt failed with errno ${errno}`;
  }
  const port = ((value[2] ?? 0) << 8) | (value[3] ?? 0);
  const bytes = level === SOL_IP ? value.subarray(4, 8) : value.subarray(8, 24);
  return { address: addressText([...bytes]), port };
}

function loadKernel(): Kernel | string {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as {
      load(path: null): { func(declaration: string): GetSockOpt };
      errno(): number;
    };
    const declaration = "int getsockopt(int fd, int level, int option, _Out_ uint8_t *value, _Inout_ uint32_t *length)";
    return { getsockopt: koffi.load(null).func(declaration), errno: () => koffi.errno() };
  } catch (error) {
    return `koffi cannot be used (${error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error)})`;
  }
}

function searchProc(client: Endpoint): Endpoint | string {
  for (const path of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let table: string;
    try {
      table = readFileSync(path, "utf8");
    } catch {
      continue;
    }
    const remote = remoteOf(table, client);
    if (remote !== undefined) return remote;
  }
  return "the client has no socket in this network namespace";
}

function isV4(address: string): boolean {
  const parsed = parseAddress(address);
  return parsed.kind !== "bad" && unmap(parsed) !== undefined;
}
