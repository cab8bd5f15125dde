/** A program to run on the machine whose packets are captured. */
export interface Command {
  /** Name looked up in PATH. */
  readonly program: string;
  /** Arguments; never interpreted by a shell. */
  readonly args: readonly string[];
  /** Text for its standard input. */
  readonly stdin?: string;
  /** Present in CNI mode: the program runs in mounts of its own. */
  readonly sandbox?: Sandbox;
}

/**
 * Mounts of a program's own, where name services answer nothing: `-m owner` must not make a half-built pod ask the network who a
 * user is.
 */
export interface Sandbox {
  /** File the program locks instead of the machine's lock: that of the pod's network namespace. Absent: it takes no lock. */
  readonly lockFile?: string;
  /** How the program is told: a variable since 1.8.6, a mount over the lock file before. */
  readonly lockBy?: "environment" | "mount";
}

/** What came of a command. */
export interface CommandResult {
  /** Exit status; 127 when the program does not exist. */
  readonly exitCode: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard error. */
  readonly stderr: string;
  /** The program was not found. */
  readonly missing?: true;
}

/** How important a message is. */
export type LogLevel = "info" | "warn" | "error";

/** What a procedure asks of the world outside. */
export type Effect = RunEffect | LogEffect;

/** Run a command and say what came of it. */
export interface RunEffect {
  /** Tag of this effect. */
  readonly kind: "run";
  /** What is to be run. */
  readonly command: Command;
  /** A failure is expected or does not matter. */
  readonly quiet: boolean;
}

/** Tell the user something. */
export interface LogEffect {
  /** Tag of this effect. */
  readonly kind: "log";
  /** How important it is. */
  readonly level: LogLevel;
  /** What is told; may have several lines. */
  readonly text: string;
}

/**
 * A procedure as a value: it yields what is to be done and gets what came of it, so that it is tested without a machine and run by a
 * loop of three lines.
 */
export type Procedure<T> = Generator<Effect, T, CommandResult>;

/** Asks for one command. */
export function* run(command: Command, quiet = false): Procedure<CommandResult> {
  return yield { kind: "run", command, quiet };
}

/** Tells the user something. */
export function* log(level: LogLevel, text: string): Procedure<void> {
  yield { kind: "log", level, text };
}

/** A command as one line, for transcripts and plans; arguments are joined, not quoted. */
export function commandLine({ program, args }: Command): string {
  return [program, ...args].join(" ");
}

/** How Go words the failure of a command; undefined when it succeeded. */
export function failure(command: Command, result: CommandResult): string | undefined {
  if (result.missing === true) return `exec: "${command.program}": executable file not found in $PATH`;
  return result.exitCode === 0 ? undefined : `exit status ${result.exitCode}`;
}
