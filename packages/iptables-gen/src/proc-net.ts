import { formatAddress, unmap } from "./address.js";

/** One end of a connection. */
export interface Endpoint {
  /** Address, IPv6 without brackets; a mapped IPv4 address as IPv4. */
  readonly address: string;
  /** Port. */
  readonly port: number;
}

/**
 * The remote end of the socket whose local end is `local`, in the text of /proc/net/tcp or tcp6.
 *
 * The kernel rewrites packets, not sockets: the client of a redirected connection still believes to be connected to the original
 * destination, and /proc says so to anybody in the same network namespace.
 */
export function remoteOf(table: string, local: Endpoint): Endpoint | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [, from, to] = line.trim().split(/\s+/);
    if (from === undefined || to === undefined) continue;
    const end = parseEnd(from);
    if (end.port === local.port && end.address === local.address) return parseEnd(to);
  }
  return undefined;
}

/** `0100007F:1F90` as the kernel prints it: 32-bit words in the byte order of the machine, which is little-endian where node runs. */
function parseEnd(text: string): Endpoint {
  const [hex = "", port = "0"] = text.split(":");
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let at = word + 6; at >= word; at -= 2) bytes.push(Number.parseInt(hex.slice(at, at + 2), 16));
  }
  return { address: addressText(bytes), port: Number.parseInt(port, 16) };
}

/** Text of 4 or 16 bytes, canonical, a mapped IPv4 address as IPv4. */
export function addressText(bytes: readonly number[]): string {
  const address = bytes.length === 4 ? ({ kind: "v4", bytes } as const) : ({ kind: "v6", bytes, zone: "" } as const);
  return unmap(address)?.join(".") ?? formatAddress(address);
}
