/** Which detector found an outlier, with the names of Envoy's event log. */
export type EjectionType =
  | "CONSECUTIVE_5XX"
  | "CONSECUTIVE_GATEWAY_FAILURE"
  | "SUCCESS_RATE"
  | "CONSECUTIVE_LOCAL_ORIGIN_FAILURE"
  | "SUCCESS_RATE_LOCAL_ORIGIN"
  | "FAILURE_PERCENTAGE"
  | "FAILURE_PERCENTAGE_LOCAL_ORIGIN"
  /** The host said so itself: it is not out, but degraded. */
  | "DEGRADED";

/** A host was found to be an outlier. */
export interface EjectEvent {
  /** Tells the events apart. */
  readonly action: "EJECT";
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Address of the host. */
  readonly host: string;
  /** Which detector. */
  readonly type: EjectionType;
  /** Whether the host was taken out; if not, the detection was only counted. */
  readonly enforced: boolean;
  /** Ejections of this host so far, this one included if enforced. */
  readonly numEjections: number;
  /** Seconds since the host was last ejected or brought back; −1 if never. */
  readonly secsSinceLastAction: number;
  /** The host's success rate in percent, for the statistical detectors. */
  readonly hostSuccessRate?: number;
  /** Mean success rate of the cluster. */
  readonly clusterAverageSuccessRate?: number;
  /** The rate below which hosts were ejected. */
  readonly clusterSuccessRateEjectionThreshold?: number;
}

/** An ejected host is back, or a degraded one is no more. */
export interface UnejectEvent {
  /** Tells the events apart. */
  readonly action: "UNEJECT";
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Address of the host. */
  readonly host: string;
  /** Present if it was degraded, not ejected. */
  readonly type?: "DEGRADED";
  /** Ejections of this host so far. */
  readonly numEjections: number;
  /** Seconds since it was ejected or degraded. */
  readonly secsSinceLastAction: number;
}

/** Why a check failed, with the names of Envoy's event log. */
export type HealthCheckFailure = "ACTIVE" | "PASSIVE" | "NETWORK" | "NETWORK_TIMEOUT";

/** An active health check changed what is known of a host. */
export interface HealthEvent {
  /** Tells the events apart; names of Envoy's health check event log. */
  readonly action:
    | "EJECT_UNHEALTHY"
    | "ADD_HEALTHY"
    | "HEALTH_CHECK_FAILURE"
    | "SUCCESSFUL_HEALTH_CHECK"
    | "DEGRADED_HEALTHY_HOST"
    | "NO_LONGER_DEGRADED_HOST";
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Address of the host. */
  readonly host: string;
  /** Why, for `EJECT_UNHEALTHY` and `HEALTH_CHECK_FAILURE`. */
  readonly failureType?: HealthCheckFailure;
  /** Whether it was the first check of the host, for `ADD_HEALTHY` and `HEALTH_CHECK_FAILURE`. */
  readonly firstCheck?: boolean;
}

/** Something a log or a metric may want to know. */
export type LbEvent = EjectEvent | UnejectEvent | HealthEvent;
