/** A place in the world, from coarse to fine; two are the same place when all three strings are equal. */
export interface Locality {
  /** For example `eu-west-1`. Default: empty. */
  readonly region?: string;
  /** For example `eu-west-1a`. Default: empty. */
  readonly zone?: string;
  /** For example a rack. Default: empty. */
  readonly subZone?: string;
}

/** JSON as it stands in endpoint metadata and route criteria. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** The `envoy.lb` metadata of an endpoint, or the criteria of a request. */
export type Metadata = Readonly<Record<string, JsonValue | undefined>>;

/** Health as the control plane reports it. `UNKNOWN` counts as healthy. */
export type EndpointHealth = "UNKNOWN" | "HEALTHY" | "UNHEALTHY" | "DRAINING" | "TIMEOUT" | "DEGRADED";

/** How active health checks reach a host, if not as requests do. */
export interface HostHealthCheck {
  /** IP address, name or path of a socket to ask. Default: the host's own. */
  readonly address?: string;
  /** Port to ask. Default: the host's own. */
  readonly port?: number;
  /** Value of the host header or `:authority`. Default: what the checker says. */
  readonly hostname?: string;
  /** Leaves the host out of checks: it counts as if they passed. Default: false. */
  readonly disabled?: boolean;
}

/** What a caller says about one host. */
export interface HostOptions {
  /** `ip:port`, `[v6]:port`, `name:port` or the path of a socket. It identifies the host inside its cluster. */
  readonly address: string;
  /** The name the address was found under. Default: empty. */
  readonly hostname?: string;
  /** Share of traffic among the hosts of a locality: integer, 1 to 2^32 − 1. Default: 1, as in Envoy. */
  readonly weight?: number;
  /** Default: `"UNKNOWN"`. */
  readonly health?: EndpointHealth;
  /** Endpoint metadata under `envoy.lb`: subset keys, `hash_key`, `canary`. Default: none. */
  readonly metadata?: Metadata;
  /** Default: checks go where requests go. */
  readonly healthCheck?: HostHealthCheck;
}

/** Hosts which share locality, priority and the weight of their locality. */
export interface EndpointGroup {
  /** Where the hosts are. Default: the empty locality. */
  readonly locality?: Locality;
  /** 0 is preferred; 0 to 128. Default: 0. */
  readonly priority?: number;
  /** Weight of the locality within its priority, 0 to 2^32 − 1. Default: 0, which locality weighting never picks. */
  readonly weight?: number;
  /** The hosts, in the order in which rotations go through them. */
  readonly hosts: readonly (string | HostOptions)[];
}

/**
 * Why a host may not be in full use; bits of {@link Host.flags}, with the values Envoy uses.
 *
 * @see https://github.com/envoyproxy/envoy/blob/main/envoy/upstream/upstream.h
 */
export const HostFlag = {
  /** The last active checks failed, or none has passed yet. */
  failedActiveHealthCheck: 0x1,
  /** Ejected by outlier detection. */
  failedOutlierCheck: 0x2,
  /** The control plane says `UNHEALTHY` or `TIMEOUT`. */
  failedEdsHealth: 0x4,
  /** The active check was answered with `x-envoy-degraded`. */
  degradedActiveHealthCheck: 0x8,
  /** The control plane says `DEGRADED`. */
  degradedEdsHealth: 0x10,
  /** Gone from discovery, kept because its active check passes. */
  pendingDynamicRemoval: 0x20,
  /** No result of an active check yet. */
  pendingActiveHealthCheck: 0x40,
  /** A response carried `x-envoy-immediate-health-check-fail`. */
  excludedViaImmediateHealthCheckFail: 0x80,
  /** The last failure of the active check was a timeout; information only. */
  activeHealthCheckTimeout: 0x100,
  /** The control plane says `DRAINING`. */
  edsStatusDraining: 0x200,
  /** Responses carried `x-envoy-degraded` and outlier detection watches for it. */
  degradedOutlierDetection: 0x400,
  /** Back from an ejection on trial, with all its permits taken. Not a flag of Envoy. */
  onProbation: 0x800,
} as const;

/** Which of the three health classes a host is in. */
export type HealthClass = "healthy" | "degraded" | "unhealthy";

/** A host of a cluster as balancers and callers see it: live, so read it when you need it. */
export interface Host {
  /** The identity of the host in its cluster, as given in {@link HostOptions.address}. */
  readonly address: string;
  /** The name the address was found under, or empty. */
  readonly hostname: string;
  /** Where the host is. */
  readonly locality: Locality;
  /** Priority level, 0 first. */
  readonly priority: number;
  /** Current weight, 1 to 2^32 − 1. */
  readonly weight: number;
  /** The host's `envoy.lb` metadata. */
  readonly metadata: Metadata;
  /** How checks reach it, if not as requests do. */
  readonly healthCheck?: HostHealthCheck | undefined;
  /** Bits of {@link HostFlag}. */
  readonly flags: number;
  /** The class the flags put it in. */
  readonly health: HealthClass;
  /** Whether it is left out of every denominator (draining, not yet checked, failed at its own word). */
  readonly excluded: boolean;
  /** Requests picked for this host and not done yet. */
  readonly activeRequests: number;
}
