import type { Host, JsonValue } from "./host.js";
import type { PickContext } from "./pick.js";

/** Says whether a retry should pass over this host. */
export type HostPredicate = (host: Host, context: PickContext) => boolean;

/** Changes the priorities a retry may use. */
export interface RetryPriority {
  /** After this many further attempts the priorities tried so far are excluded; at least 1. */
  readonly updateFrequency: number;
}

/**
 * Passes over hosts that were attempted before.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/retry/host/previous_hosts/v3/previous_hosts.proto
 */
export const previousHosts: HostPredicate = (host, context) =>
  context.attempted?.some((attempted) => attempted.address === host.address) ?? false;

/** Passes over hosts whose `envoy.lb` metadata says `canary: true`. */
export const omitCanaryHosts: HostPredicate = (host) => host.metadata["canary"] === true;

/**
 * Passes over hosts whose metadata holds every given key with an equal value, or with a list that has it. An empty match
 * passes over none.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config.proto
 */
export function omitHostMetadata(match: Readonly<Record<string, JsonValue>>): HostPredicate {
  const wanted = Object.entries(match);
  return (host) => wanted.length > 0 && wanted.every(([key, value]) => holds(host.metadata[key], value));
}

function holds(value: JsonValue | undefined, wanted: JsonValue): boolean {
  return isList(value) ? value.some((item) => equalJson(item, wanted)) : equalJson(value, wanted);
}

/** Leaves the priorities tried so far alone on every `updateFrequency`-th attempt, as `previous_priorities` does. */
export function previousPriorities(updateFrequency: number): RetryPriority {
  return { updateFrequency };
}

/** Deep equality of two JSON values; the order of object keys does not matter. */
export function equalJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isList(a) || isList(b)) {
    return isList(a) && isList(b) && a.length === b.length && a.every((item, index) => equalJson(item, b[index]));
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equalJson(a[key], b[key]))
  );
}

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
