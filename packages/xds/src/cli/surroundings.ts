/** What a command may touch of the process it runs in. */
export interface Surroundings {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  /** Writes results. */
  readonly stdout: (text: string) => void;
  /** Writes problems. */
  readonly stderr: (text: string) => void;
  /** Ends a command that runs until it is told. */
  readonly signal: AbortSignal;
}

/** A wrong command line or input: exit status 2, its message on stderr. */
export class UsageError extends Error {}
