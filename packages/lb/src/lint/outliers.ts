import type { ClusterOptions } from "../cluster-options.js";
import { type OutlierConfig, outlierConfig } from "../outlier-config.js";
import type { OutlierDetectionOptions } from "../outlier-options.js";
import { countOf, type LintFacts, type LintFinding, note, warning } from "./finding.js";

const PATH = "outlier_detection";

/**
 * Consequences of outlier detection for a cluster of this size.
 *
 * @param hosts - 0 if they are not known, as with discovery.
 */
export function lintOutliers(options: ClusterOptions, hosts: number, facts: LintFacts): LintFinding[] {
  const given = options.outlierDetection;
  if (given === undefined) return [];
  const config = outlierConfig(given);
  return [
    ...lintCap(config, hosts, options.healthyPanicThreshold ?? 50),
    ...lintEnforcement(given, config),
    ...lintSuccessRate(config, hosts, facts),
    ...lintBackoff(config),
  ];
}

function lintCap(config: OutlierConfig, hosts: number, panicThreshold: number): LintFinding[] {
  const path = `${PATH}.max_ejection_percent`;
  const percent = config.maxEjectionPercent;
  const most = Math.floor((hosts * percent) / 100);
  const atLeastOne = config.alwaysEjectOneHost || config.mode === "grpc";
  if (most < 1 && !atLeastOne) {
    const needed = Math.ceil(100 / percent);
    if (percent === 0) return [warning("nothing-ejected", path, "0 %: no host is ever ejected")];
    if (hosts === 0 && needed < 2) return [];
    const advice = "always_eject_one_host allows one";
    if (hosts > 0) {
      const message = `${countOf(hosts)} and ${percent} %: no host is ever ejected, the cap needs at least ${needed} hosts; ${advice}`;
      return [warning("nothing-ejected", path, message)];
    }
    return [note("nothing-ejected", path, `${percent} %: below ${needed} hosts none is ever ejected; ${advice}`)];
  }
  const left = hosts === 0 ? 100 - percent : Math.floor((100 * (hosts - most)) / hosts);
  if (panicThreshold === 0 || left >= Math.trunc(panicThreshold)) return [];
  const some = hosts === 0 ? `${percent} % of the hosts` : `${most} of ${hosts} hosts`;
  const message = `up to ${some} may be ejected; with ${left} % left the panic threshold of ${panicThreshold} % sends traffic to the ejected ones too`;
  return [warning("ejection-panic", path, message)];
}

/** Detectors by the fields that set them up, what enforces them, and the percentage that is the default for it. */
const DETECTORS: readonly {
  readonly field: string;
  readonly given: (options: OutlierDetectionOptions) => number | undefined;
  readonly enforcement: string;
  readonly percent: (config: OutlierConfig) => number;
}[] = [
  {
    field: "consecutive_gateway_failure",
    given: (options) => options.consecutiveGatewayFailure,
    enforcement: "enforcing_consecutive_gateway_failure",
    percent: (config) => config.enforcingConsecutiveGatewayFailure,
  },
  {
    field: "failure_percentage_threshold",
    given: (options) => options.failurePercentageThreshold,
    enforcement: "enforcing_failure_percentage",
    percent: (config) => Math.max(config.enforcingFailurePercentage, config.enforcingFailurePercentageLocalOrigin),
  },
];

function lintEnforcement(given: OutlierDetectionOptions, config: OutlierConfig): LintFinding[] {
  const findings = DETECTORS.filter((each) => (each.given(given) ?? 0) > 0 && each.percent(config) === 0).map(
    ({ field, enforcement, given: value }) => {
      const message = `${value(given)}, but ${enforcement} is 0 %: hosts that reach it are counted and never ejected`;
      return warning("not-enforced", `${PATH}.${field}`, message);
    },
  );
  const local = given.consecutiveLocalOriginFailure ?? given.enforcingLocalOriginSuccessRate;
  if (local !== undefined && !config.splitExternalLocalOriginErrors) {
    const field = given.consecutiveLocalOriginFailure
      ? "consecutive_local_origin_failure"
      : "enforcing_local_origin_success_rate";
    const message = `${local}, but split_external_local_origin_errors is false: nothing is counted under it`;
    findings.push(warning("not-enforced", `${PATH}.${field}`, message));
  }
  if (config.failurePercentageThreshold === 0) {
    const enforced = Math.max(config.enforcingFailurePercentage, config.enforcingFailurePercentageLocalOrigin) > 0;
    const fate = enforced ? "are ejected" : "count as outliers";
    const message = `0: hosts without a single failure ${fate}, because their 0 % of failures reach 0 %`;
    const say = enforced ? warning : note;
    findings.push(say("failure-percentage-zero", `${PATH}.failure_percentage_threshold`, message));
  }
  return findings;
}

function lintSuccessRate(config: OutlierConfig, hosts: number, facts: LintFacts): LintFinding[] {
  if (config.enforcingSuccessRate === 0) return [];
  const findings: LintFinding[] = [];
  if (hosts > 0 && hosts < config.successRateMinimumHosts) {
    const message = `${countOf(hosts)}: success rates are compared from ${config.successRateMinimumHosts} hosts on`;
    return [note("success-rate-off", `${PATH}.success_rate_minimum_hosts`, message)];
  }
  if (hosts > 0 && facts.requestsPerSecond !== undefined) {
    const each = (facts.requestsPerSecond * config.intervalMs) / 1000 / hosts;
    const volume = config.successRateRequestVolume;
    if (each < volume) {
      const message = `${facts.requestsPerSecond} requests/s over ${countOf(hosts)} are about ${rounded(each)} for each in the ${config.intervalMs} ms between sweeps; success rates are compared from ${volume} on`;
      findings.push(warning("success-rate-volume", `${PATH}.success_rate_request_volume`, message));
    }
  }
  const factor = config.successRateStdevFactor / 1000;
  const share = 100 / (1 + factor ** 2);
  const visible = Math.max(0, Math.ceil((hosts * share) / 100) - 1);
  const here = hosts > 0 ? `, here at most ${visible} of ${hosts}` : "";
  const message = `factor ${factor}: success rate finds equally bad hosts only while they are fewer than ${share.toFixed(1)} % of all${here}`;
  findings.push(note("success-rate-blind", `${PATH}.success_rate_stdev_factor`, message));
  return findings;
}

function lintBackoff(config: OutlierConfig): LintFinding[] {
  const steps = Math.floor(config.baseEjectionTimeMs / config.intervalMs);
  if (steps < 2 || config.mode === "grpc") return [];
  const message = `each sweep of ${config.intervalMs} ms without an ejection forgets one step of the back-off; a host that stays in for ${config.baseEjectionTimeMs} ms forgets up to ${steps}, so only failures closer together make ejections longer`;
  return [note("backoff-forgotten", `${PATH}.interval`, message)];
}

function rounded(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}
