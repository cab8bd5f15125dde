import type { EndpointGroup, HostOptions } from "./host.js";

/** Which kinds of addresses a name is looked up for, and which count; Envoy's `dns_lookup_family`. */
export type DnsFamily = "AUTO" | "V4_ONLY" | "V6_ONLY" | "V4_PREFERRED" | "ALL";

/** An address found under a name. */
export interface DnsAddress {
  /** IPv4 or IPv6, without brackets or port. */
  readonly address: string;
  /** Milliseconds for which the answer may be used. Default: not known. */
  readonly ttlMs?: number;
}

/** How the hosts of a DNS cluster are found. */
export interface DnsDiscoveryOptions {
  /** `"strict"`: every address of every name is a host. `"logical"`: one name, whose first address is the host. */
  readonly kind: "strict" | "logical";
  /** Hosts by name: addresses are `name:port`. Weights, health and metadata hold for each address found. */
  readonly endpoints: readonly EndpointGroup[];
  /** Milliseconds between look-ups of a name. Default: 5000, as in Envoy. */
  readonly refreshRateMs?: number;
  /** Go by the least time to live of an answer, where it has one above 0. Default: false. */
  readonly respectTtl?: boolean;
  /** Milliseconds between look-ups after failures: doubled from base to max, each drawn from 0. Default: as always. */
  readonly failureRefresh?: { readonly baseMs: number; readonly maxMs?: number };
  /** Longest time added to each interval by chance, in milliseconds. Default: 0. */
  readonly jitterMs?: number;
  /** Default: `"AUTO"`. */
  readonly family?: DnsFamily;
}

/** Envoy's `dns_refresh_rate`. */
export const DEFAULT_REFRESH_MS = 5000;

/** A host and its name, apart. */
export interface NamedEndpoint {
  readonly group: number;
  readonly options: HostOptions;
  readonly name: string;
  readonly port: string;
}

/** The endpoints whose names are to be looked up, in order. */
export function namedEndpoints(groups: readonly EndpointGroup[]): NamedEndpoint[] {
  return groups.flatMap(({ hosts }, group) =>
    hosts.map((host) => {
      const options = typeof host === "string" ? { address: host } : host;
      const colon = options.address.lastIndexOf(":");
      const name = options.address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
      return { group, options, name, port: options.address.slice(colon + 1) };
    }),
  );
}

/** The groups with the addresses that were found for each endpoint in place of its name. */
export function resolvedGroups(
  groups: readonly EndpointGroup[],
  endpoints: readonly NamedEndpoint[],
  addressesOf: (endpoint: number) => readonly DnsAddress[],
): EndpointGroup[] {
  return groups.map((each, group) => ({
    ...each,
    hosts: endpoints.flatMap((endpoint, index) => {
      if (endpoint.group !== group) return [];
      const { options, name, port } = endpoint;
      return addressesOf(index).map(({ address }) => ({
        ...options,
        address: address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`,
        hostname: options.hostname || name,
      }));
    }),
  }));
}

/** Milliseconds until a name is looked up again. `failures` counts those in a row; `draw` is uniform in [0, 1). */
export function nextLookupDelay(
  options: DnsDiscoveryOptions,
  found: readonly DnsAddress[],
  failures: number,
  draw: number,
): number {
  const { refreshRateMs = DEFAULT_REFRESH_MS, failureRefresh, jitterMs = 0 } = options;
  if (failures > 0 && failureRefresh !== undefined) {
    const { baseMs, maxMs = 10 * baseMs } = failureRefresh;
    return Math.min(maxMs, baseMs * 2 ** (failures - 1)) * draw;
  }
  let interval = refreshRateMs;
  if (options.respectTtl && failures === 0) {
    const least = Math.min(...found.map(({ ttlMs }) => ttlMs ?? Number.POSITIVE_INFINITY));
    if (least > 0 && least < Number.POSITIVE_INFINITY) interval = least;
  }
  return interval + jitterMs * draw;
}
