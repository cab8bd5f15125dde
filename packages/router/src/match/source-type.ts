import type { Connection } from "../request.js";

/** Whether a connection comes from this machine: the peer is exactly `127.0.0.1` or `::1`, or has the destination's address. */
export function isLocal(connection: Connection): boolean {
  const source = connection.sourceAddress;
  if (source === undefined) return false;
  return source === "127.0.0.1" || source === "::1" || source === connection.destinationAddress;
}
