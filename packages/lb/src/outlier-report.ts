import type { HostState } from "./host-state.js";
import type { OutlierDetector } from "./outlier-detection.js";

/** What the outlier detector knows of one host. */
export interface HostOutlierReport {
  /** Success rate of the last interval in percent; −1 if there was too little traffic. */
  readonly successRate: number;
  /** Ejections so far. */
  readonly numEjections: number;
  /** How many times the base time the last ejection lasted, less what was forgotten since. */
  readonly backoff: number;
}

/** What the outlier detector found in its last sweep. */
export interface OutlierReport {
  /** Mean success rate in percent; −1 if there was too little traffic. */
  readonly successRateAverage: number;
  /** Success rate below which hosts were outliers; −1 if there was too little traffic. */
  readonly successRateThreshold: number;
  /** By address. */
  readonly hosts: Readonly<Record<string, HostOutlierReport>>;
}

/** The report of a detector; all −1 and no hosts without one. */
export function outlierReport(detector: OutlierDetector | undefined, all: Iterable<HostState>): OutlierReport {
  const hosts: Record<string, HostOutlierReport> = {};
  for (const { address, outlier } of detector ? all : []) {
    hosts[address] = {
      successRate: outlier?.external.rate ?? -1,
      numEjections: outlier?.numEjections ?? 0,
      backoff: outlier?.backoff ?? 0,
    };
  }
  return {
    successRateAverage: detector?.successRateAverage ?? -1,
    successRateThreshold: detector?.successRateThreshold ?? -1,
    hosts,
  };
}
