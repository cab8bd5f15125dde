/** Load a backend reports about itself (open request cost aggregation, ORCA). */
export interface LoadReport {
  /** Requests per second the backend serves. */
  readonly rps?: number;
  /** Errors per second it answers with. */
  readonly eps?: number;
  /** Utilisation the application defines, from 0. */
  readonly applicationUtilization?: number;
  /** CPU utilisation, from 0; may exceed 1. */
  readonly cpuUtilization?: number;
  /** Metrics the application names, read as `named_metrics.<key>`. */
  readonly namedMetrics?: Readonly<Record<string, number>>;
}

/** What is kept about the reports of one host. */
export interface OrcaState {
  /** Weight of the last usable report. */
  weight: number;
  /** Monotonic milliseconds since when every report was usable; Infinity before the first. */
  nonEmptySince: number;
  /** Monotonic milliseconds of the last usable report. */
  lastUpdateAt: number;
}
