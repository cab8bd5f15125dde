import type { RouteAction_HashPolicy_Cookie } from "@weftmesh/xds-types/envoy/config/route/v3";
import { byteText } from "./ascii.js";
import { socketText } from "./format/connection.js";
import type { RouteRequest } from "./request.js";
import { xxHash64 } from "./xxhash64.js";

/** Makes a cookie for requests that come without one. */
export interface CookieMaker {
  /** The cookie's value: the same for all requests of a connection. */
  value(request: RouteRequest): string;
  /** The `set-cookie` field for a value. */
  field(value: string): string;
}

/**
 * Compiles a hash policy's cookie; `undefined` without `ttl`, which makes none.
 *
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-hashpolicy-cookie
 */
export function compileCookieMaker(cookie: RouteAction_HashPolicy_Cookie): CookieMaker | undefined {
  if (cookie.ttl === undefined) return undefined;
  const seconds = cookie.ttl.seconds ?? 0n;
  let attributes = seconds === 0n ? "" : `; Max-Age=${seconds}`;
  if (cookie.path !== undefined && cookie.path !== "") attributes += `; Path=${byteText(cookie.path)}`;
  for (const { name = "", value = "" } of cookie.attributes ?? []) {
    attributes += value === "" ? `; ${byteText(name)}` : `; ${byteText(name)}=${byteText(value)}`;
  }
  const name = byteText(cookie.name ?? "");
  return {
    value({ connection }) {
      const remote = socketText(connection?.sourceAddress, connection?.sourcePort) ?? "";
      const local = socketText(connection?.destinationAddress, connection?.destinationPort) ?? "";
      return xxHash64(remote + local)
        .toString(16)
        .padStart(16, "0");
    },
    field: (value) => `${name}="${value}"${attributes}; HttpOnly`,
  };
}
