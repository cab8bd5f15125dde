import { spawnSync } from "node:child_process";
import type { Command, CommandResult } from "../procedure/procedure.js";

/** Runs programs. The one thing a driver needs; give it another to run in a container, over ssh or not at all. */
export interface CommandRunner {
  /** Runs one program to its end. Must not throw when the program fails or does not exist. */
  run(command: Command): CommandResult;
}

/** Runs programs on this machine, without a shell. */
export const localRunner: CommandRunner = {
  run({ program, args, stdin }) {
    const result = spawnSync(program, args, {
      input: stdin ?? "",
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
      env: { ...process.env, LC_ALL: "C" },
    });
    const missing = (result.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    if (missing) return { exitCode: 127, stdout: "", stderr: "", missing };
    const failed = result.error === undefined ? "" : `${result.error.message}\n`;
    return { exitCode: result.status ?? 1, stdout: result.stdout ?? "", stderr: failed + (result.stderr ?? "") };
  },
};

/** Runs programs inside a network namespace: a path such as `/run/netns/pod` or `/proc/42/ns/net`. */
export function namespaceRunner(path: string, runner: CommandRunner = localRunner): CommandRunner {
  return {
    run: ({ program, args, ...rest }) =>
      runner.run({ program: "nsenter", args: [`--net=${path}`, "--", program, ...args], ...rest }),
  };
}
