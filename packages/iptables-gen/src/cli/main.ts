import { formatIssue, IptablesError } from "../errors.js";
import type { Environment } from "../flags.js";
import { runFlags } from "./flags-command.js";

/** What the command line touches of the process. */
export interface Terminal {
  /** Name the program was called by: `istio-iptables` takes no command words. */
  readonly name: string;
  /** Words after the name. */
  readonly argv: readonly string[];
  /** Environment. */
  readonly env: Environment;
  /** Writes to standard output. */
  readonly stdout: (text: string) => void;
  /** Writes to standard error. */
  readonly stderr: (text: string) => void;
}

/** A command word. */
export type CliCommand = (terminal: Terminal, argv: readonly string[]) => number | Promise<number>;

// Each command is loaded when it is called: a dry run must start as fast as node does.
const COMMANDS: Readonly<Record<string, () => Promise<CliCommand>>> = {
  explain: async () => (await import("./explain-command.js")).explain,
  lint: async () => (await import("./check-commands.js")).lint,
  verify: async () => (await import("./check-commands.js")).verify,
  diff: async () => (await import("./check-commands.js")).diff,
  doctor: async () => (await import("./doctor-command.js")).doctor,
  report: async () => (await import("./report-command.js")).report,
  clean: async () => (await import("./clean-command.js")).clean,
  "configure-routes": async () => (await import("./routes-command.js")).configureRoutesOnly,
  "istio-clean-iptables": async () => cleanLikeIstio,
  version: async () => (await import("./version.js")).printVersion,
  help: async () => (await import("./help.js")).printHelp,
};

/** The cleaner of releases 1.4-1.24, which today is a flag. */
const cleanLikeIstio: CliCommand = (terminal, argv) => runFlags(terminal, ["--cleanup-only", ...argv]);

/** Runs the command line and returns its exit code. */
export async function main(terminal: Terminal): Promise<number> {
  const [word] = terminal.argv;
  try {
    if (terminal.name === "istio-iptables" || word === undefined || word.startsWith("-")) {
      return await runFlags(terminal, terminal.argv);
    }
    // Injected pods call `<image> istio-iptables -p 15001 …`.
    if (word === "istio-iptables") return await runFlags({ ...terminal, name: word }, terminal.argv.slice(1));
    const load = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
    if (load === undefined) {
      const known = ["istio-iptables", ...Object.keys(COMMANDS)].join(", ");
      const message = `unknown command ${JSON.stringify(word)}, expected a flag or one of ${known}`;
      throw new IptablesError("ERR_IPTABLES_COMMAND_UNKNOWN", message, { exitCode: 2 });
    }
    const words = terminal.argv.slice(1);
    // Whoever asks what a command does must not have it done: `clean --help` would take the rules away.
    const asked = words.some((each) => each === "--help" || each === "-h");
    return await (await (asked ? (COMMANDS["help"] ?? load) : load)())(terminal, words);
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    // Usage errors in the original's form, without the log line in which it repeats them.
    if (error.exitCode === 255) terminal.stderr(`Error: ${error.message}\n`);
    else for (const line of linesOf(error)) terminal.stderr(`${terminal.name}: ${line}\n`);
    return error.exitCode;
  }
}

/** One line a problem, each with its code. */
function linesOf({ issues, message, code }: IptablesError): readonly string[] {
  return issues.length > 1 ? issues.map(formatIssue) : [`${message.trimEnd()} (${code})`];
}
