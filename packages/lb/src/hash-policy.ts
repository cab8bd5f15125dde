import { xxHash64 } from "./hash/hash-text.js";
import type { Hash64 } from "./hash/hash64.js";

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
  readonly connection?: { readonly remote: string; readonly local: string };
  /** A hash that something earlier on the request's way left behind, by key. */
  readonly filterState?: (key: string) => Hash64 | undefined;
  /** Called when a cookie is to be set on the response. */
  readonly setCookie?: (cookie: NewCookie) => void;
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
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/** One source of a request's hash. */
export type RequestHashPolicy = {
  /** Stop here if there is a hash by now. Default: false. */
  readonly terminal?: boolean;
} & (
  | {
      readonly kind: "header";
      readonly name: string;
      /** Changes each value before it is hashed. Default: none. */
      readonly rewrite?: (value: string) => string;
    }
  | {
      readonly kind: "cookie";
      readonly name: string;
      /** Make and set the cookie if the request has none; 0 for the length of the session. Default: do not. */
      readonly ttlSeconds?: number;
      readonly path?: string;
      readonly attributes?: readonly { readonly name: string; readonly value: string }[];
    }
  | { readonly kind: "source-ip" }
  | { readonly kind: "query-parameter"; readonly name: string }
  | { readonly kind: "filter-state"; readonly key: string }
);

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
  for (const value of values.toSorted()) hash = xxHash64(value, hash);
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
