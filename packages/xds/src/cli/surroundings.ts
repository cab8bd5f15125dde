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

/** What `parseArgs` refused, in node's words up to the advice that follows them. */
export function wrongArguments(command: string, error: unknown): UsageError {
  const [problem] = (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/);
  return new UsageError(`${command}: ${problem}`);
}

/** Why a file or folder cannot be read, in words. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such folder or file";
  if (code === "ENOTDIR") return "is a file, a folder expected";
  if (code === "EISDIR") return "is a folder, a file expected";
  if (code === "EACCES") return "may not be read";
  return code ?? String(error);
}

/** Refuses what is neither `host:port` nor begins with one of the schemes; `what` names the argument. */
export function checkAddress(what: string, address: string, schemes: RegExp): void {
  const [, port = "65536"] = /^.+:(\d+)$/.exec(address) ?? [];
  if (schemes.test(address) || Number(port) <= 65_535) return;
  throw new UsageError(`${what} ${address}: host:port or unix:PATH expected, with a port up to 65535`);
}

/** Where a server can listen besides ports. */
export const LISTEN_SCHEMES: RegExp = /^unix:./;
/** What gRPC looks up besides plain addresses. */
export const TARGET_SCHEMES: RegExp = /^(unix|dns|ipv4|ipv6):./;
