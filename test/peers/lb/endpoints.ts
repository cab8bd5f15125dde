/** Endpoints in few words. */
import type { Json } from "./rig.js";

/** A host as a test names it. */
export interface HostSpec {
  readonly address: string;
  readonly port?: number;
  readonly weight?: number;
  readonly health?: string;
  readonly hostname?: string;
  readonly metadata?: Json;
}

/** A locality as a test names it. */
export interface GroupSpec {
  readonly zone?: string;
  readonly priority?: number;
  readonly weight?: number;
  readonly hosts: readonly HostSpec[];
}

/** Nothing listens on it. */
const PORT = 1;

/** The ClusterLoadAssignment of these localities. */
export function assignmentOf(groups: readonly GroupSpec[], policy?: Json): Json {
  return { cluster_name: "x", endpoints: groups.map(localityOf), ...(policy && { policy }) };
}

/** `count` hosts whose addresses start with 127.`net`. */
export function hostsOf(
  net: number,
  count: number,
  more: (index: number) => Partial<HostSpec> = () => ({}),
): HostSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `127.${net}.${index >> 8}.${index & 255}`,
    ...more(index),
  }));
}

function localityOf({ zone, priority, weight, hosts }: GroupSpec): Json {
  return {
    ...(zone !== undefined && { locality: { zone } }),
    ...(priority !== undefined && { priority }),
    ...(weight !== undefined && { load_balancing_weight: weight }),
    lb_endpoints: hosts.map(endpointOf),
  };
}

function endpointOf({ address, port = PORT, weight, health, hostname, metadata }: HostSpec): Json {
  return {
    endpoint: {
      address: { socket_address: { address, port_value: port } },
      ...(hostname !== undefined && { hostname }),
    },
    ...(weight !== undefined && { load_balancing_weight: weight }),
    ...(health !== undefined && { health_status: health }),
    ...(metadata !== undefined && { metadata: { filter_metadata: { "envoy.lb": metadata } } }),
  };
}
