/** Stable identifiers of everything this package finds wrong; safe to `switch` on. */
export type RouterErrorCode =
  /** A field that must be present is absent, or a value is not of its type or outside what its field allows. */
  | "ERR_ROUTER_FIELD_INVALID"
  /** A field that its message does not have: misspelt, or in snake_case, which only text uses. */
  | "ERR_ROUTER_FIELD_UNKNOWN"
  /** Two fields that exclude each other are both set. */
  | "ERR_ROUTER_FIELD_CONFLICT"
  /** A domain stands in the table twice, per class and ignoring case. */
  | "ERR_ROUTER_DOMAIN_DUPLICATE"
  /** A pattern is not in RE2's language. */
  | "ERR_ROUTER_REGEX_SYNTAX"
  /** A pattern's RE2 program is larger than the limit in force. */
  | "ERR_ROUTER_REGEX_SIZE"
  /** A table has patterns, and `@weftmesh/router/core` was not given what reads them: compile it inside `withPatterns`. */
  | "ERR_ROUTER_REGEX_ENGINE"
  /** A URI template for matching or rewriting breaks the template grammar. */
  | "ERR_ROUTER_TEMPLATE_INVALID"
  /** A format string has an unknown command or bad syntax. */
  | "ERR_ROUTER_FORMAT_INVALID"
  /** A header that must not be touched (`host` or one that starts with `:`) is added, removed or copied. */
  | "ERR_ROUTER_HEADER_FORBIDDEN"
  /** A cluster is named that is not among the known ones. */
  | "ERR_ROUTER_CLUSTER_UNKNOWN"
  /** An extension's type has no implementation here, and it is not optional. */
  | "ERR_ROUTER_EXTENSION_UNKNOWN"
  /** A body is too long, or its source cannot be read. */
  | "ERR_ROUTER_BODY_INVALID"
  /** A feature that Envoy refuses as not implemented. */
  | "ERR_ROUTER_UNSUPPORTED"
  /** Filter chains of one listener have the same or overlapping criteria. */
  | "ERR_ROUTER_FILTER_CHAIN_OVERLAP"
  /** Text that should be an address or a range of addresses is neither. */
  | "ERR_ROUTER_ADDRESS_INVALID";

/** One problem in a configuration. */
export interface Issue {
  /** What kind of problem; branch on this. */
  readonly code: RouterErrorCode;
  /** Where, in proto (snake_case) spelling: `virtual_hosts[0].routes[2].match.safe_regex`. */
  readonly path: string;
  /** What is wrong, what was expected and what was found; without path and code. */
  readonly message: string;
  /** An error refuses the configuration; a warning is only reported. Absent means error. */
  readonly severity?: "error" | "warning";
}

/**
 * The only error class this package throws.
 *
 * Thrown once for a whole configuration, with every problem in {@link RouterError.issues}; code, path and the message's start are
 * the first one's. Branch on {@link RouterError.code}, never on the message.
 */
export class RouterError extends Error {
  /** `RouterError`. */
  override readonly name = "RouterError";
  /** The first issue's code. */
  readonly code: RouterErrorCode;
  /** The first issue's path. */
  readonly path: string;
  /** Every problem found, never empty: values of a wrong type first, then the others, each in the order of the configuration. */
  readonly issues: readonly Issue[];

  /** Takes the problems of one configuration; the first must exist. */
  constructor(issues: readonly [Issue, ...Issue[]], options?: ErrorOptions) {
    super(issues.map(formatIssue).join("\n"), options);
    this.code = issues[0].code;
    this.path = issues[0].path;
    this.issues = issues;
  }
}

/** One line for people: `path: problem (CODE)`. */
export function formatIssue(issue: Issue): string {
  const where = issue.path === "" ? "" : `${issue.path}: `;
  return `${where}${issue.message} (${issue.code})`;
}
