import type { Command, CommandResult, LogLevel, Procedure } from "../procedure/procedure.js";
import type { CommandRunner } from "./run-command.js";

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

/** A dry run's runner on a machine: programs that only read it are run, the others are remembered and answer nothing. */
export function readingRunner(runner: CommandRunner): RecordingRunner {
  const recorder = recordingRunner();
  return {
    lines: recorder.lines,
    run(command) {
      const { program, args } = command;
      const reads = program.endsWith("-save") || args.includes("list") || args.includes("show");
      return reads ? runner.run(command) : recorder.run(command);
    },
  };
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
