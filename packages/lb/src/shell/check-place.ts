import type { Host } from "../host.js";
import { type HostPlace, placeOf } from "./host-place.js";

/**
 * Where checks find a host: where it says itself, or else where requests go.
 *
 * @param port - The checker's, for hosts that name none.
 */
export function checkPlaceOf(host: Host, port?: number): HostPlace {
  const own = host.healthCheck ?? {};
  const place = placeOf(host.address);
  const { host: name, socketPath } = own.address === undefined ? place : placeOf(own.address);
  if (socketPath !== undefined) return { socketPath };
  const chosen = own.port ?? port ?? place.port;
  return { host: name ?? "", ...(chosen !== undefined && { port: chosen }) };
}
