/** Stable identifiers of every problem this package reports; safe to `switch` on. */
export type XdsTypesErrorCode =
  /** The bytes are not the wire format of the type: truncated, a wrong wire type, too deep. */
  | "ERR_XDS_TYPES_WIRE"
  /** A value in a message object does not fit its field and cannot be written. */
  | "ERR_XDS_TYPES_VALUE"
  /** A JSON or YAML value is not what the field's type reads. */
  | "ERR_XDS_TYPES_JSON"
  /** The type has no field of that name. */
  | "ERR_XDS_TYPES_UNKNOWN_FIELD"
  /** Two members of a oneof are given. */
  | "ERR_XDS_TYPES_DUPLICATE_FIELD"
  /** The schema has no message of that name. */
  | "ERR_XDS_TYPES_UNKNOWN_TYPE"
  /** An `Any` holds another type than its reader supports. */
  | "ERR_XDS_TYPES_UNEXPECTED_TYPE"
  /** A validation rule of the schema (PGV) does not hold. */
  | "ERR_XDS_TYPES_RULE"
  /** A required field or a member of a required oneof is missing. */
  | "ERR_XDS_TYPES_REQUIRED"
  /** A field is deprecated, disallowed by default, or not implemented yet. */
  | "ERR_XDS_TYPES_DEPRECATED"
  /** The text is not YAML or JSON: a syntax error, a duplicate key, an alias without an anchor. */
  | "ERR_XDS_TYPES_SYNTAX"
  /** The input is larger or deeper than the stated limits. */
  | "ERR_XDS_TYPES_LIMIT"
  /** The text is in order but holds no resource, or one whose type cannot be told. */
  | "ERR_XDS_TYPES_RESOURCE"
  /** A resource names another that is not in the set. */
  | "ERR_XDS_TYPES_DANGLING"
  /** Nothing in the set names a resource that clients ask for by name only. */
  | "ERR_XDS_TYPES_UNUSED"
  /** Two resources of a set have the same type and name. */
  | "ERR_XDS_TYPES_DUPLICATE_RESOURCE";

/** What a problem counts as: `"off"` is not reported at all. */
export type Severity = "error" | "warning" | "off";

/**
 * Severities by the code of the problem, or by the full name of the field whose rule it is, which goes first:
 * `{ ERR_XDS_TYPES_DEPRECATED: "off", "envoy.config.cluster.v3.Cluster.connect_timeout": "warning" }`.
 */
export type Severities = Readonly<Record<string, Severity>>;

/** One problem, with its place in the input. */
export interface Issue {
  /** What kind of problem. */
  readonly code: XdsTypesErrorCode;
  /** Where, in the spelling of the input: `virtual_hosts[0].routes[2].match`. Empty for the whole. */
  readonly path: string;
  /** What is wrong, what was expected and what was found, in one line. */
  readonly message: string;
  /** A warning does not make a message unusable. Default: `"error"`. */
  readonly severity?: "error" | "warning";
}

/** The only error class this package throws; it carries every problem found. Branch on `code`, never on the message. */
export class XdsTypesError extends Error {
  override readonly name = "XdsTypesError";
  /** The code of the first problem. */
  readonly code: XdsTypesErrorCode;
  /** The path of the first problem. */
  readonly path: string;
  /** Every problem, in the order of the input. */
  readonly issues: readonly Issue[];

  /** Takes at least one issue. */
  constructor(issues: readonly [Issue, ...Issue[]], options?: ErrorOptions) {
    super(issues.map(formatIssue).join("\n"), options);
    this.issues = issues;
    this.code = issues[0].code;
    this.path = issues[0].path;
  }
}

/** One line for one problem: `path: what is wrong (CODE)`. */
export function formatIssue(issue: Issue): string {
  return issue.path === "" ? `${issue.message} (${issue.code})` : `${issue.path}: ${issue.message} (${issue.code})`;
}
