/** What a finding is about; stable across releases. */
export type LintRule =
  /** With this many hosts the cap never lets one be ejected. */
  | "nothing-ejected"
  /** So many hosts may be ejected that the rest panics and uses the ejected ones too. */
  | "ejection-panic"
  /** The cluster has fewer hosts than success rates are compared from. */
  | "success-rate-off"
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
  /** Zones are not looked at. */
  | "zone-aware-off"
  /** No locality has a weight, so locality weighting finds none. */
  | "locality-weights-missing"
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
  /** Hosts of the caller's own cluster by zone, for zone aware routing. */
  readonly callersPerZone?: Readonly<Record<string, number>>;
  /** The caller's own zone. */
  readonly zone?: string;
}
