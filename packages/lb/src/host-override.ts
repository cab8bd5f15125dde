import type { EndpointHealth } from "./host.js";
import { HostFlag } from "./host.js";
import type { HostState } from "./host-state.js";

/** The host a session keeps to, asked before any policy: what Envoy's `stateful_session` filter reads from a request. */
export interface HostOverride {
  /** Address of the host. */
  readonly address: string;
  /** No other host in its place. Default: false. */
  readonly strict?: boolean;
}

/** The states in which a session's host is used unless configured otherwise; Envoy's. */
export const DEFAULT_OVERRIDE_STATUS: readonly EndpointHealth[] = ["UNKNOWN", "HEALTHY", "DEGRADED"];

const REFUSED: ReadonlySet<EndpointHealth> = new Set<EndpointHealth>(["UNHEALTHY", "DRAINING", "TIMEOUT"]);

/**
 * A host's health in one word: what this side found comes before what the control plane says, except that it is well.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/source/common/upstream/upstream_impl.h
 */
export function statusOf(host: HostState): EndpointHealth {
  if (host.flags & (HostFlag.failedActiveHealthCheck | HostFlag.failedOutlierCheck)) return "UNHEALTHY";
  if (REFUSED.has(host.endpointHealth)) return host.endpointHealth;
  return host.flags & HostFlag.degradedActiveHealthCheck ? "DEGRADED" : host.endpointHealth;
}
