import { xxHash64 } from "./hash/hash-text.js";
import type { Hash64 } from "./hash/hash64.js";
import { compareBytes } from "./maglev-table.js";

/** What a request's hash may be made of. Every field is optional. */
export interface HashRequest {
  /** All values of a header, by lower-case name. */
  readonly header?: (name: string) => readonly string[];
  /** The value of a cookie. */
  readonly cookie?: (name: string) => string | undefined;
  /** The first value of a query parameter, by its exact name. */
  readonly queryParameter?: (name: string) => string | undefined;
  /** The caller's IP address without port. */
  readonly sourceIp?: string;
  /** Address of the caller with port, and of ours; a new cookie's value is made of the two. */
  readonly connection?: ConnectionAddresses;
  /** A hash that something earlier on the request's way left behind, by key. */
  readonly filterState?: (key: string) => Hash64 | undefined;
  /** Called when a cookie is to be set on the response. */
  readonly setCookie?: (cookie: NewCookie) => void;
}

/** The two ends of a connection, each with its port. */
export interface ConnectionAddresses {
  /** The caller's end. */
  readonly remote: string;
  /** Our end. */
  readonly local: string;
}

/** An attribute of a cookie, such as `SameSite`. */
export interface CookieAttribute {
  /** Name of the attribute. */
  readonly name: string;
  /** Its value; empty for none. */
  readonly value: string;
}

/** A cookie that keeps a client on its host. */
export interface NewCookie {
  /** Name of the cookie. */
  readonly name: string;
  /** Its value. */
  readonly value: string;
  /** Its path; empty for none. */
  readonly path: string;
  /** Lifetime in seconds; 0 for the length of the session. */
  readonly maxAgeSeconds: number;
  /** Further attributes, as given. */
  readonly attributes: readonly CookieAttribute[];
}

/** What every policy may say. */
export interface TerminalHashPolicy {
  /** Stop here if there is a hash by now. Default: false. */
  readonly terminal?: boolean;
}

/** All values of a header. */
export interface HeaderHashPolicy extends TerminalHashPolicy {
  /** Tells the policies apart. */
  readonly kind: "header";
  /** Name of the header, in lower case. */
  readonly name: string;
  /** Changes each value before it is hashed. Default: none. */
  readonly rewrite?: (value: string) => string;
}

/** The value of a cookie, which may be made for the purpose. */
export interface CookieHashPolicy extends TerminalHashPolicy {
  /** Tells the policies apart. */
  readonly kind: "cookie";
  /** Name of the cookie. */
  readonly name: string;
  /** Make and set the cookie if the request has none; 0 for the length of the session. Default: do not. */
  readonly ttlSeconds?: number;
  /** Path of a cookie that is made. Default: none. */
  readonly path?: string;
  /** Further attributes of a cookie that is made. Default: none. */
  readonly attributes?: readonly CookieAttribute[];
}

/** The caller's IP address. */
export interface SourceIpHashPolicy extends TerminalHashPolicy {
  /** Tells the policies apart. */
  readonly kind: "source-ip";
}

/** The first value of a query parameter. */
export interface QueryParameterHashPolicy extends TerminalHashPolicy {
  /** Tells the policies apart. */
  readonly kind: "query-parameter";
  /** Its exact name. */
  readonly name: string;
}

/** A hash that something earlier left behind. */
export interface FilterStateHashPolicy extends TerminalHashPolicy {
  /** Tells the policies apart. */
  readonly kind: "filter-state";
  /** Under which key. */
  readonly key: string;
}

/** One source of a request's hash. */
export type RequestHashPolicy =
  | HeaderHashPolicy
  | CookieHashPolicy
  | SourceIpHashPolicy
  | QueryParameterHashPolicy
  | FilterStateHashPolicy;

/**
 * The hash of a request: what each policy yields is mixed into what is there by rotating and xor; a policy without a
 * value changes nothing.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-hashpolicy
 */
export function hashRequest(policies: readonly RequestHashPolicy[], request: HashRequest): Hash64 | undefined {
  let hash: Hash64 | undefined;
  for (const policy of policies) {
    const own = hashBy(policy, request);
    if (own !== undefined) hash = hash === undefined ? own : mix(hash, own);
    if (policy.terminal && hash !== undefined) break;
  }
  return hash;
}

function mix(old: Hash64, own: Hash64): Hash64 {
  return {
    hi: (((old.hi << 1) | (old.lo >>> 31)) ^ own.hi) >>> 0,
    lo: (((old.lo << 1) | (old.hi >>> 31)) ^ own.lo) >>> 0,
  };
}

function hashBy(policy: RequestHashPolicy, request: HashRequest): Hash64 | undefined {
  switch (policy.kind) {
    case "header": {
      const values = request.header?.(policy.name) ?? [];
      return hashValues(policy.rewrite ? values.map(policy.rewrite) : values);
    }
    case "cookie":
      return hashCookie(policy, request);
    case "source-ip":
      return request.sourceIp ? xxHash64(request.sourceIp) : undefined;
    case "query-parameter": {
      const value = request.queryParameter?.(policy.name);
      return value === undefined ? undefined : xxHash64(value);
    }
    case "filter-state":
      return request.filterState?.(policy.key);
  }
}

/** Values in byte order, each hashed with the hash before it as seed, so that their order on the wire does not matter. */
function hashValues(values: readonly string[]): Hash64 | undefined {
  let hash: Hash64 | undefined;
  for (const value of values.toSorted(compareBytes)) hash = xxHash64(value, hash);
  return hash;
}

function hashCookie(policy: Extract<RequestHashPolicy, { kind: "cookie" }>, request: HashRequest): Hash64 | undefined {
  const present = request.cookie?.(policy.name);
  if (present) return xxHash64(present);
  if (policy.ttlSeconds === undefined) return undefined;
  const { remote = "", local = "" } = request.connection ?? {};
  const value = toHex(xxHash64(remote + local));
  request.setCookie?.({
    name: policy.name,
    value,
    path: policy.path ?? "",
    maxAgeSeconds: policy.ttlSeconds,
    attributes: policy.attributes ?? [],
  });
  return xxHash64(value);
}

function toHex(hash: Hash64): string {
  return hash.hi.toString(16).padStart(8, "0") + hash.lo.toString(16).padStart(8, "0");
}
