/** Stable identifiers of everything this package finds wrong; safe to `switch` on. */
export type IptablesErrorCode =
  /** A flag nobody knows. */
  | "ERR_IPTABLES_FLAG_UNKNOWN"
  /** A flag without its argument, or written in a form that is none. */
  | "ERR_IPTABLES_FLAG_SYNTAX"
  /** A flag's or variable's value is not of its type. */
  | "ERR_IPTABLES_FLAG_VALUE"
  /** The first word names no command. */
  | "ERR_IPTABLES_COMMAND_UNKNOWN"
  /** Text that should be `address/bits` is not. */
  | "ERR_IPTABLES_CIDR"
  /** `*` where only ranges may stand. */
  | "ERR_IPTABLES_WILDCARD"
  /** The loopback range is not an IPv4 range within 127/8. */
  | "ERR_IPTABLES_LOOPBACK"
  /** More included owner groups than the original accepts. */
  | "ERR_IPTABLES_OWNER_GROUPS"
  /** The forced iptables variant is neither `legacy` nor `nft`. */
  | "ERR_IPTABLES_BINARY"
  /** A port, interface name, mark, id or mode that the kernel's tools would refuse or misread. */
  | "ERR_IPTABLES_VALUE"
  /** The machine has no address that tells which family it speaks. */
  | "ERR_IPTABLES_HOST_ADDRESS"
  /** The list of name servers cannot be read. */
  | "ERR_IPTABLES_RESOLV_CONF"
  /** No usable iptables or nft program. */
  | "ERR_IPTABLES_NO_BACKEND"
  /** A command that changes rules, routes or addresses failed. */
  | "ERR_IPTABLES_APPLY"
  /** Rules could not be read from text. */
  | "ERR_IPTABLES_PARSE"
  /** The validation probe did not arrive where it should. */
  | "ERR_IPTABLES_VALIDATION";

/** One problem in what the user gave. */
export interface Issue {
  /** What kind of problem; branch on this. */
  readonly code: IptablesErrorCode;
  /** The flag or variable the value came from, as the user spells it; for text, `line:column`. */
  readonly path: string;
  /** What is wrong, what was expected and what was found; without path and code. */
  readonly message: string;
  /** An error refuses the input; a warning is only reported. Absent means error. */
  readonly severity?: "error" | "warning";
}

/** Exit codes of the command line: those of istio-iptables, and 2 for a wrong command word. */
export type ExitCode = 0 | 1 | 2 | 126 | 255;

/**
 * The only error class this package throws. Branch on {@link IptablesError.code}, never on the message.
 *
 * Where istio-iptables has a message for the problem, the message is that one, word for word.
 */
export class IptablesError extends Error {
  /** Always `IptablesError`. */
  override readonly name = "IptablesError";
  /** What kind of problem. */
  readonly code: IptablesErrorCode;
  /** The flag, variable or place the problem is about; empty when it is about none. */
  readonly path: string;
  /** Exit code the command line ends with. Default 1. */
  readonly exitCode: ExitCode;
  /** Every problem found, when several were looked for at once. Never empty. */
  readonly issues: readonly Issue[];

  /** Describes one problem; `options.issues` has all of them when there are several. */
  constructor(
    code: IptablesErrorCode,
    message: string,
    options: ErrorOptions & {
      readonly path?: string;
      readonly exitCode?: ExitCode;
      readonly issues?: readonly Issue[];
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.path = options.path ?? "";
    this.exitCode = options.exitCode ?? 1;
    this.issues = options.issues ?? [{ code, path: this.path, message }];
  }
}

/** One line for people: `path: problem (CODE)`. */
export function formatIssue(issue: Issue): string {
  return `${issue.path === "" ? "" : `${issue.path}: `}${issue.message} (${issue.code})`;
}
