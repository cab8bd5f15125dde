/** Where a command writes. */
export interface Output {
  /** Results. */
  readonly stdout: (text: string) => unknown;
  /** Errors and progress. */
  readonly stderr: (text: string) => unknown;
}

/** The options of one command, as they were given. */
export interface Flags {
  /** Values by name; of an option that was repeated, all. */
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  /** What is no option. */
  readonly positionals: readonly string[];
}

/** One command: its own exit code comes back. */
export type Command = (flags: Flags, output: Output) => number | Promise<number>;

/** Wrong use: the message goes to stderr, the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The value of an option that takes one. */
export function option(flags: Flags, name: string): string | undefined {
  const value = flags.values[name];
  return typeof value === "string" ? value : undefined;
}

/** The value of an option that must be there. */
export function required(flags: Flags, name: string): string {
  const value = option(flags, name);
  if (value === undefined) throw new UsageError(`--${name} is needed`);
  return value;
}

/** A span of time given in seconds, in milliseconds. */
export function secondsToMs(flags: Flags, name: string): number | undefined {
  const text = option(flags, name);
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds > 0)) throw new UsageError(`--${name} ${text}: expected seconds`);
  return seconds * 1000;
}

/** A port. */
export function portOf(flags: Flags): number {
  const text = option(flags, "port") ?? "0";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--port ${text}: expected 0 to 65535`);
  return port;
}

/** The positional argument of that number. */
export function argument(flags: Flags, index: number, name: string): string {
  const value = flags.positionals[index];
  if (value === undefined) throw new UsageError(`${name} is missing`);
  return value;
}

/** JSON with what JSON has no form for: bytes as hexadecimal, large numbers as text. */
export function json(value: unknown): string {
  const replace = (_name: string, entry: unknown): unknown =>
    entry instanceof Uint8Array
      ? Buffer.from(entry).toString("hex")
      : typeof entry === "bigint"
        ? String(entry)
        : entry;
  return `${JSON.stringify(value, replace, 2)}\n`;
}
