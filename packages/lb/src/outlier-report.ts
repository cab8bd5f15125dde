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
