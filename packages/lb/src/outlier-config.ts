import type { OutlierDetectionOptions } from "./outlier-options.js";

/** Outlier options with every default filled in. */
export type OutlierConfig = Required<Omit<OutlierDetectionOptions, "probation">> &
  Pick<OutlierDetectionOptions, "probation">;

const DEFAULT_MAX_EJECTION_TIME_MS = 300_000;

const DEFAULTS: Omit<OutlierConfig, "maxEjectionTimeMs"> = {
  mode: "envoy",
  consecutive5xx: 5,
  enforcingConsecutive5xx: 100,
  consecutiveGatewayFailure: 5,
  enforcingConsecutiveGatewayFailure: 0,
  splitExternalLocalOriginErrors: false,
  consecutiveLocalOriginFailure: 5,
  enforcingConsecutiveLocalOriginFailure: 100,
  successRateMinimumHosts: 5,
  successRateRequestVolume: 100,
  successRateStdevFactor: 1900,
  enforcingSuccessRate: 100,
  enforcingLocalOriginSuccessRate: 100,
  failurePercentageThreshold: 85,
  failurePercentageMinimumHosts: 5,
  failurePercentageRequestVolume: 50,
  enforcingFailurePercentage: 0,
  enforcingFailurePercentageLocalOrigin: 0,
  intervalMs: 10_000,
  baseEjectionTimeMs: 30_000,
  maxEjectionTimeJitterMs: 0,
  maxEjectionPercent: 10,
  alwaysEjectOneHost: false,
  successfulActiveHealthCheckUnejectHost: true,
  detectDegradedHosts: false,
};

/** Fills in the defaults; the longest ejection is never shorter than the first. */
export function outlierConfig(options: OutlierDetectionOptions): OutlierConfig {
  // A field that is there but undefined is one left out.
  const given: OutlierDetectionOptions = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  );
  const config = { ...DEFAULTS, ...given };
  return {
    ...config,
    maxEjectionTimeMs: options.maxEjectionTimeMs ?? Math.max(DEFAULT_MAX_EJECTION_TIME_MS, config.baseEjectionTimeMs),
  };
}
