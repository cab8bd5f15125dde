import type { ClusterOptions } from "../cluster-options.js";
import { type OutlierConfig, outlierConfig } from "../outlier-config.js";
import type { LintFinding } from "./finding.js";

const PATH = "outlier_detection";

/** Consequences of outlier detection for a cluster of this size. */
export function lintOutliers(options: ClusterOptions, hosts: number): LintFinding[] {
  if (options.outlierDetection === undefined) return [];
  const config = outlierConfig(options.outlierDetection);
  return [
    ...lintCap(config, hosts, options.healthyPanicThreshold ?? 50),
    ...lintSuccessRate(config, hosts),
    ...lintFailurePercentage(config),
    ...lintBackoff(config),
  ];
}

function lintCap(config: OutlierConfig, hosts: number, panicThreshold: number): LintFinding[] {
  const percent = config.maxEjectionPercent;
  const most = Math.floor((hosts * percent) / 100);
  if (hosts > 0 && most < 1 && !config.alwaysEjectOneHost && config.mode === "envoy") {
    const needed = percent > 0 ? `needs at least ${Math.ceil(100 / percent)} hosts` : "never allows one";
    return [
      {
        rule: "nothing-ejected",
        path: `${PATH}.max_ejection_percent`,
        message: `${hosts} hosts and ${percent} %: no host is ever ejected, the cap ${needed}; always_eject_one_host allows one`,
      },
    ];
  }
  const left = hosts === 0 ? 100 : (100 * (hosts - most)) / hosts;
  if (panicThreshold === 0 || left >= panicThreshold) return [];
  return [
    {
      rule: "ejection-panic",
      path: `${PATH}.max_ejection_percent`,
      message: `up to ${most} of ${hosts} hosts may be ejected; with ${left.toFixed(0)} % left the panic threshold of ${panicThreshold} % sends traffic to the ejected ones too`,
    },
  ];
}

function lintSuccessRate(config: OutlierConfig, hosts: number): LintFinding[] {
  if (config.enforcingSuccessRate === 0) return [];
  if (hosts < config.successRateMinimumHosts) {
    return [
      {
        rule: "success-rate-off",
        path: `${PATH}.success_rate_minimum_hosts`,
        message: `${hosts} hosts: success rates are compared from ${config.successRateMinimumHosts} hosts on`,
      },
    ];
  }
  const factor = config.successRateStdevFactor / 1000;
  const share = 100 / (1 + factor ** 2);
  const visible = Math.ceil((hosts * share) / 100) - 1;
  return [
    {
      rule: "success-rate-blind",
      path: `${PATH}.success_rate_stdev_factor`,
      message: `factor ${factor}: success rate finds equally bad hosts only while they are fewer than ${share.toFixed(1)} % of all, here at most ${Math.max(0, visible)} of ${hosts}`,
    },
  ];
}

function lintFailurePercentage(config: OutlierConfig): LintFinding[] {
  if (config.failurePercentageThreshold > 0) return [];
  return [
    {
      rule: "failure-percentage-zero",
      path: `${PATH}.failure_percentage_threshold`,
      message: "0: hosts without a single failure are outliers, because a share of 0 % failures reaches 0 %",
    },
  ];
}

function lintBackoff(config: OutlierConfig): LintFinding[] {
  const steps = Math.floor(config.baseEjectionTimeMs / config.intervalMs);
  if (steps < 2 || config.mode === "grpc") return [];
  return [
    {
      rule: "backoff-forgotten",
      path: `${PATH}.interval`,
      message: `each sweep of ${config.intervalMs} ms without an ejection forgets one step of the back-off; a host that stays in for ${config.baseEjectionTimeMs} ms forgets up to ${steps}, so only failures closer together make ejections longer`,
    },
  ];
}
