import type { OutlierConfig } from "./outlier-config.js";
import type { SuccessBucket } from "./outlier-state.js";
import { failsByPercentage, type SuccessRateThreshold, successRateThreshold } from "./success-rate.js";

/** A host that takes part in a sweep. */
export interface SweepCandidate<H> {
  /** The host. */
  readonly host: H;
  /** Its monitor, already turned to the new interval. */
  readonly bucket: SuccessBucket;
}

/** A host a sweep found, by which of the two measures. */
export interface SweepFinding<H> {
  /** The host. */
  readonly host: H;
  /** Which measure found it. */
  readonly by: "success-rate" | "failure-percentage";
  /** Its success rate in percent. */
  readonly rate: number;
}

/** What a sweep found. */
export interface SweepResult<H> {
  /** In the order in which they are to be ejected; a host may be there for both measures. */
  readonly findings: readonly SweepFinding<H>[];
  /** The line that was used; absent when too few hosts had enough requests. */
  readonly successRate?: SuccessRateThreshold;
}

/**
 * Judges hosts by the last interval. Writes each host's rate into its bucket where there was enough traffic to show one.
 *
 * @param candidates - Hosts that are not ejected.
 * @param clusterHosts - How many hosts the cluster has, ejected ones included.
 */
export function sweep<H>(
  candidates: Iterable<SweepCandidate<H>>,
  clusterHosts: number,
  config: OutlierConfig,
): SweepResult<H> {
  if (clusterHosts < config.successRateMinimumHosts && clusterHosts < config.failurePercentageMinimumHosts) {
    return { findings: [] };
  }
  const bySuccessRate: { host: H; rate: number }[] = [];
  const byFailurePercentage: { host: H; rate: number }[] = [];
  const shownFrom = Math.min(config.successRateRequestVolume, config.failurePercentageRequestVolume);
  for (const { host, bucket } of candidates) {
    if (bucket.lastTotal === 0) continue;
    const rate = (100 * bucket.lastSuccess) / bucket.lastTotal;
    if (bucket.lastTotal >= shownFrom) bucket.rate = rate;
    if (bucket.lastTotal >= config.successRateRequestVolume) bySuccessRate.push({ host, rate });
    if (bucket.lastTotal >= config.failurePercentageRequestVolume) byFailurePercentage.push({ host, rate });
  }

  const findings: SweepFinding<H>[] = [];
  let successRate: SuccessRateThreshold | undefined;
  if (bySuccessRate.length > 0 && bySuccessRate.length >= config.successRateMinimumHosts) {
    successRate = successRateThreshold(
      bySuccessRate.map(({ rate }) => rate),
      config.successRateStdevFactor,
    );
    for (const { host, rate } of bySuccessRate) {
      if (rate < successRate.threshold) findings.push({ host, by: "success-rate", rate });
    }
  }
  if (byFailurePercentage.length > 0 && byFailurePercentage.length >= config.failurePercentageMinimumHosts) {
    for (const { host, rate } of byFailurePercentage) {
      if (failsByPercentage(rate, config.failurePercentageThreshold, config.mode)) {
        findings.push({ host, by: "failure-percentage", rate });
      }
    }
  }
  return successRate ? { findings, successRate } : { findings };
}
