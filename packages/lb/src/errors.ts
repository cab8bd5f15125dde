/**
 * Stable identifiers for everything this package throws; safe to `switch` on.
 *
 * - `ERR_LB_CONFIG_INVALID`: one or more fields of the configuration cannot be accepted; see `issues`.
 * - `ERR_LB_CONFIG_OPAQUE`: a message this package must understand arrived without having been decoded.
 * - `ERR_LB_POLICY_UNKNOWN`: no entry of `load_balancing_policy.policies` names a policy this package knows.
 * - `ERR_LB_HOST_INVALID`: a host's address, weight or priority is out of range.
 * - `ERR_LB_NO_HOST`: an adapter had no host for a request; the message says why. Balancers never throw it.
 * - `ERR_LB_CLUSTER_DISPOSED`: the cluster was disposed and takes no further updates.
 */
export type LbErrorCode =
  | "ERR_LB_CONFIG_INVALID"
  | "ERR_LB_CONFIG_OPAQUE"
  | "ERR_LB_POLICY_UNKNOWN"
  | "ERR_LB_HOST_INVALID"
  | "ERR_LB_NO_HOST"
  | "ERR_LB_CLUSTER_DISPOSED";

/** One problem of a configuration. */
export interface Issue {
  /** What kind of problem it is. */
  readonly code: LbErrorCode;
  /** The place in the input, in proto spelling: `outlier_detection.max_ejection_time`. */
  readonly path: string;
  /** What is wrong, what was expected and what was found, without path and code. */
  readonly message: string;
  /** `"warning"` for what is accepted but cannot do what its author meant. Default: `"error"`. */
  readonly severity?: "error" | "warning";
}

/**
 * The only error class this package throws.
 *
 * Branch on {@link LbError.code}, never on the message: messages may change in any release, codes only in a major one.
 */
export class LbError extends Error {
  /** Always `"LbError"`. */
  override readonly name = "LbError";
  /** What kind of problem it is. */
  readonly code: LbErrorCode;
  /** Where in the input the first problem is, e.g. `load_assignment.endpoints[0].priority`. */
  readonly path: string;
  /** Every problem found, in the order of the input; at least one. */
  readonly issues: readonly Issue[];

  /** @param issues - Every problem found; the first one gives code, path and message. */
  constructor(issues: readonly [Issue, ...Issue[]], options?: ErrorOptions) {
    super(issues.map((issue) => `${issue.path}: ${issue.message} (${issue.code})`).join("\n"), options);
    this.code = issues[0].code;
    this.path = issues[0].path;
    this.issues = issues;
  }
}

/** Throws one {@link LbError} with every issue that is not a warning; returns when there is none. */
export function throwIssues(issues: readonly Issue[]): void {
  const [first, ...rest] = issues.filter((issue) => issue.severity !== "warning");
  if (first !== undefined) throw new LbError([first, ...rest]);
}
