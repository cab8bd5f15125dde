import type { Compat } from "../options.js";
import { apply } from "../procedure/apply.js";
import { applyWithIptables } from "../procedure/istio-apply.js";
import { applyWithNft } from "../procedure/nft-apply.js";
import type { Command, CommandResult, LogLevel, Procedure } from "../procedure/procedure.js";
import type { Settings } from "../settings.js";
import { type CommandRunner, localRunner } from "./run-command.js";

/** Where a driver's messages go. */
export type LogSink = (level: LogLevel, text: string) => void;

/** Performs a procedure: runs its commands, passes its messages on, returns its result. */
export function perform<T>(procedure: Procedure<T>, runner: CommandRunner, log: LogSink): T {
  let step = procedure.next();
  while (step.done !== true) {
    const effect = step.value;
    if (effect.kind === "log") log(effect.level, effect.text);
    const result = effect.kind === "run" ? runner.run(effect.command) : NOTHING;
    step = procedure.next(result);
  }
  return step.value;
}

const NOTHING: CommandResult = { exitCode: 0, stdout: "", stderr: "" };

/** A runner that runs nothing. */
export interface RecordingRunner extends CommandRunner {
  /** Commands, and in their place the lines of a standard input, in the order they would have been run. */
  readonly lines: readonly string[];
}

/** A dry run's runner: remembers every line the programs would have seen and answers nothing. */
export function recordingRunner(): RecordingRunner {
  const lines: string[] = [];
  return {
    lines,
    run({ program, args, stdin }: Command) {
      if (stdin === undefined) lines.push([program, ...args].join(" "));
      else lines.push(...stdin.replace(/\n$/, "").split("\n"));
      return NOTHING;
    },
  };
}

/**
 * Applies (or, with `cleanupOnly`, removes) rules, routes and addresses: in `strict` command by command as istio-iptables does, in
 * `fixed` idempotently.
 *
 * @throws {@link IptablesError} with the original's message.
 */
export function applySettings(
  settings: Settings,
  compat: Compat,
  log: LogSink,
  runner: CommandRunner = localRunner,
): void {
  perform(applyProcedure(settings, compat), runner, log);
}

function applyProcedure(settings: Settings, compat: Compat): Procedure<void> {
  if (compat === "fixed") return apply(settings);
  return settings.nativeNftables ? applyWithNft(settings) : applyWithIptables(settings);
}
