/** Gradual return of an ejected host, which Envoy does not have: one request at a time, then a slow start. */
export interface ProbationOptions {
  /** Requests the host may have in flight until one of them succeeds; at least 1. Default: 1. */
  readonly permits?: number;
  /** Successes in a row that end the probation. Default: 1. */
  readonly successes?: number;
  /** Restarts slow start when the probation ends, if the policy has one. Default: true. */
  readonly slowStart?: boolean;
}

/**
 * When a host is taken out of rotation for what it answers. Percentages are integers 0–100; times are milliseconds.
 * Defaults are Envoy's.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
 */
export interface OutlierDetectionOptions {
  /** `"grpc"` follows gRFC A50: success rate and failure percentage only, caps checked before the ejection. Default: `"envoy"`. */
  readonly mode?: "envoy" | "grpc";
  /** Server errors in a row; 0 turns it off. Default: 5. */
  readonly consecutive5xx?: number;
  /** Default: 100. */
  readonly enforcingConsecutive5xx?: number;
  /** 502, 503 and 504 in a row; 0 turns it off. Default: 5. */
  readonly consecutiveGatewayFailure?: number;
  /** Default: 0, so it is only counted. */
  readonly enforcingConsecutiveGatewayFailure?: number;
  /** Judge what happened on our side (timeouts, resets) apart from what the upstream answered. Default: false. */
  readonly splitExternalLocalOriginErrors?: boolean;
  /** Local failures in a row when split. Default: 5. */
  readonly consecutiveLocalOriginFailure?: number;
  /** Default: 100. */
  readonly enforcingConsecutiveLocalOriginFailure?: number;
  /** Hosts with enough requests before success rates are compared. Default: 5. */
  readonly successRateMinimumHosts?: number;
  /** Requests of one interval before a host's success rate counts. Default: 100. */
  readonly successRateRequestVolume?: number;
  /** A host is out below mean − factor/1000 · standard deviation. Default: 1900. */
  readonly successRateStdevFactor?: number;
  /** Default: 100. */
  readonly enforcingSuccessRate?: number;
  /** Default: 100. */
  readonly enforcingLocalOriginSuccessRate?: number;
  /** Percent of failures at which a host is out. Default: 85. */
  readonly failurePercentageThreshold?: number;
  /** Default: 5. */
  readonly failurePercentageMinimumHosts?: number;
  /** Default: 50. */
  readonly failurePercentageRequestVolume?: number;
  /** Default: 0, so it is only counted. */
  readonly enforcingFailurePercentage?: number;
  /** Default: 0, so it is only counted. */
  readonly enforcingFailurePercentageLocalOrigin?: number;
  /** Time between sweeps. Default: 10000. */
  readonly intervalMs?: number;
  /** Length of the first ejection; the n-th in a row lasts n times as long. Default: 30000. */
  readonly baseEjectionTimeMs?: number;
  /** Longest ejection before jitter; at least the base. Default: the greater of 300000 and the base. */
  readonly maxEjectionTimeMs?: number;
  /** Drawn once for each ejection, uniformly from 0 to this. Default: 0. */
  readonly maxEjectionTimeJitterMs?: number;
  /** Percent of the cluster's hosts that may be out, counted with the host to be ejected. Default: 10. */
  readonly maxEjectionPercent?: number;
  /** Allows one ejection whatever the percentage says. Default: false. */
  readonly alwaysEjectOneHost?: boolean;
  /** A passing active check brings the host back at once. Default: true. */
  readonly successfulActiveHealthCheckUnejectHost?: boolean;
  /**
   * Responses with `x-envoy-degraded` put the host into the degraded class, for as long as it would be ejected; repeated
   * marks last longer, as ejections do. Default: false.
   */
  readonly detectDegradedHosts?: boolean;
  /** Lets hosts back gradually. Default: off, they return at full weight as in Envoy. */
  readonly probation?: ProbationOptions;
}
