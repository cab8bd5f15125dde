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

const MAX_WEIGHT = 0xffffffff;
const NAMED = "named_metrics.";

/**
 * The utilisation a report stands for: the greatest of the named metrics that is above 0, else what the application
 * says, else the CPU.
 *
 * @param metricNames - For example `named_metrics.queue`.
 */
export function orcaUtilization(report: LoadReport, metricNames: readonly string[] = []): number {
  let named = 0;
  for (const name of metricNames) named = Math.max(named, metric(report, name));
  if (named > 0) return named;
  const application = report.applicationUtilization ?? 0;
  return application > 0 ? application : (report.cpuUtilization ?? 0);
}

function metric(report: LoadReport, name: string): number {
  if (name === "application_utilization") return report.applicationUtilization ?? 0;
  if (name === "cpu_utilization") return report.cpuUtilization ?? 0;
  if (!name.startsWith(NAMED) || report.namedMetrics === undefined) return 0;
  const key = name.slice(NAMED.length);
  return Object.hasOwn(report.namedMetrics, key) ? (report.namedMetrics[key] ?? 0) : 0;
}

/**
 * The weight a report asks for: requests per second over utilisation, with errors counting as utilisation. Nothing if
 * the report says neither how much nor how hard.
 *
 * @param errorUtilizationPenalty - How much an error rate of 1 adds to the utilisation.
 * @see https://github.com/grpc/proposal/blob/master/A58-client-side-weighted-round-robin-lb-policy.md
 */
export function orcaWeight(
  report: LoadReport,
  metricNames: readonly string[],
  errorUtilizationPenalty: number,
): number | undefined {
  const rps = report.rps ?? 0;
  if (!(rps > 0)) return undefined;
  // Errors alone are utilisation as well, as in Envoy; a report that says neither, or no numbers, says nothing.
  const utilization = orcaUtilization(report, metricNames) + ((report.eps ?? 0) / rps) * errorUtilizationPenalty;
  if (!(utilization > 0)) return undefined;
  return Math.min(MAX_WEIGHT, Math.floor(rps / utilization));
}

/**
 * The weight to use now: nothing while reports have not been coming in for long enough, or have stopped. Reports that
 * stopped start their blackout again.
 *
 * @param maxNonEmptySince - Reports must have been usable since this instant or longer.
 * @param minLastUpdate - The last one must not be older than this.
 */
export function usableWeight(state: OrcaState, maxNonEmptySince: number, minLastUpdate: number): number | undefined {
  if (state.lastUpdateAt < minLastUpdate) {
    state.nonEmptySince = Number.POSITIVE_INFINITY;
    return undefined;
  }
  return state.nonEmptySince > maxNonEmptySince ? undefined : state.weight;
}

/** Takes a report into account. */
export function recordReport(state: OrcaState, weight: number, now: number): void {
  if (state.nonEmptySince === Number.POSITIVE_INFINITY) state.nonEmptySince = now;
  state.lastUpdateAt = now;
  state.weight = weight;
}

/** Integer median of weights, rounded down between two; nothing if there are none. */
export function medianWeight(weights: readonly number[]): number | undefined {
  if (weights.length === 0) return undefined;
  const sorted = weights.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : Math.floor(((sorted[middle - 1] as number) + upper) / 2);
}
