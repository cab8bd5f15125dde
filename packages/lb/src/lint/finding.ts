/** What a finding is about; stable across releases. */
export type LintRule =
  /** With this many hosts the cap never lets one be ejected. */
  | "nothing-ejected"
  /** So many hosts may be ejected that the rest panics and uses the ejected ones too. */
  | "ejection-panic"
  /** A detector that was set up is not enforced, or not in use. */
  | "not-enforced"
  /** The cluster has fewer hosts than success rates are compared from. */
  | "success-rate-off"
  /** Hosts get fewer requests between two sweeps than success rates need. */
  | "success-rate-volume"
  /** So large a share of bad hosts hides itself in the standard deviation. */
  | "success-rate-blind"
  /** A threshold of 0 takes hosts without a single failure for outliers. */
  | "failure-percentage-zero"
  /** Ejections do not get longer, because what they add is forgotten between failures. */
  | "backoff-forgotten"
  /** What `max_retries` means at this rate. */
  | "retry-limit"
  /** What the retry budget means at this rate. */
  | "retry-budget"
  /** More requests in flight than are admitted. */
  | "requests-overflow"
  /** When traffic moves to the next priority. */
  | "failover-point"
  /** When unhealthy hosts get traffic too. */
  | "panic-point"
  /** Active checks come in herds. */
  | "check-herd"
  /** Zones are not looked at. */
  | "zone-aware-off"
  /** How much stays in the caller's zone. */
  | "zone-share"
  /** Localities without a weight, which locality weighting never picks. */
  | "locality-weights-missing"
  /** The policy does not look at the weights that hosts have. */
  | "weights-ignored"
  /** With so few hosts the same one is drawn more than once. */
  | "choices-repeat"
  /** One weight is so much greater than the others that a pick takes many tries, or light hosts get too much. */
  | "stride-skew"
  /** The ring is too small for its hosts. */
  | "ring-too-small"
  /** The table is too small for its hosts. */
  | "table-too-small"
  /** Hash policies never use degraded hosts. */
  | "degraded-unused";

/** A consequence of a configuration. */
export interface LintFinding {
  /** What it is about. */
  readonly rule: LintRule;
  /** `"warning"` for what cannot work as it is configured, `"note"` for a number that is good to know. */
  readonly severity: "warning" | "note";
  /** The field it comes from, in proto spelling. */
  readonly path: string;
  /** The consequence, with numbers. */
  readonly message: string;
}

/** What is known beside the configuration. */
export interface LintFacts {
  /** Requests per second to the cluster. Default: unknown, and rules that need it are silent. */
  readonly requestsPerSecond?: number;
  /** Mean time of a request in milliseconds. Default: 100. */
  readonly latencyMs?: number;
  /** Hosts of the caller's own cluster by zone, for zone aware routing. Default: as the upstream's. */
  readonly callersPerZone?: Readonly<Record<string, number>>;
  /** The caller's own zone. Default: the first of the upstream. */
  readonly zone?: string;
}

/** A finding about what cannot work. */
export function warning(rule: LintRule, path: string, message: string): LintFinding {
  return { rule, severity: "warning", path, message };
}

/** A finding that gives a number. */
export function note(rule: LintRule, path: string, message: string): LintFinding {
  return { rule, severity: "note", path, message };
}

/** `1 host`, `2 hosts` */
export function countOf(hosts: number): string {
  return hosts === 1 ? "1 host" : `${hosts} hosts`;
}
