import { spawnSync } from "node:child_process";
import type { Command, CommandResult, Sandbox } from "../procedure/procedure.js";

/** Runs programs. The one thing a driver needs; give it another to run in a container, over ssh or not at all. */
export interface CommandRunner {
  /** Runs one program to its end. Must not throw when the program fails or does not exist. */
  run(command: Command): CommandResult;
}

/** Runs programs on this machine, without a shell. */
export const localRunner: CommandRunner = {
  run(command) {
    if (command.sandbox === undefined) return runCall(plain(command), command.stdin);
    const result = runCall(sandboxed(command, command.sandbox), command.stdin);
    // Where a mount namespace is refused, the program runs with the machine's lock and name services, as the original does.
    return result.missing === true || result.stderr.startsWith("unshare:")
      ? runCall(plain(command), command.stdin)
      : result;
  },
};

function runCall({ program, args, env }: Call, stdin: string | undefined): CommandResult {
  const result = spawnSync(program, args, {
    input: stdin ?? "",
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, LC_ALL: "C", ...env },
  });
  const missing = (result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  if (missing) return { exitCode: 127, stdout: "", stderr: "", missing };
  const failed = result.error === undefined ? "" : `${result.error.message}\n`;
  return { exitCode: result.status ?? 1, stdout: result.stdout ?? "", stderr: failed + (result.stderr ?? "") };
}

interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function plain({ program, args }: Command): Call {
  return { program, args };
}

/**
 * Mounts are private to the program. Where mounting is not allowed the program runs all the same, with the machine's lock and name
 * services, as the original does. Nothing of the user's is part of the script: words reach it as arguments.
 */
const SANDBOX_SCRIPT = `
mount --bind -o ro /dev/null /etc/nsswitch.conf 2>/dev/null
[ -z "$1" ] || mount --bind -o ro "$1" /run/xtables.lock 2>/dev/null
shift
exec "$@"`;

function sandboxed({ program, args }: Command, { lockFile, lockBy }: Sandbox): Call {
  const mounted = lockBy === "mount" ? (lockFile ?? "") : "";
  const env = lockBy === "environment" && lockFile !== undefined ? { XTABLES_LOCKFILE: lockFile } : {};
  const script = ["sh", "-c", SANDBOX_SCRIPT, "sandbox", mounted, program, ...args];
  return { program: "unshare", args: ["--mount", "--propagation", "private", ...script], env };
}

/** Runs programs inside a network namespace: a path such as `/run/netns/pod` or `/proc/42/ns/net`. */
export function namespaceRunner(path: string, runner: CommandRunner = localRunner): CommandRunner {
  return {
    run: ({ program, args, ...rest }) =>
      runner.run({ program: "nsenter", args: [`--net=${path}`, "--", program, ...args], ...rest }),
  };
}
