/**
 * What every program of the mesh does as a child process: it says `ready` once, explains its end in one line, and never
 * outlives its parent.
 */

/** Tells the parent that this process serves. */
export function ready(): void {
  process.stdout.write("ready\n");
}

/** Ends this process with one line for people. */
export function fail(error: unknown): never {
  process.stderr.write(`${describe(error)}\n`);
  process.exit(1);
}

/** Ends this process with its parent: whatever way the parent goes, its end of the pipe closes. */
export function endWithParent(close: () => Promise<void> | void): void {
  const end = async (): Promise<void> => {
    await close();
    process.exit(0);
  };
  process.stdin.on("end", end).on("error", end).resume();
  process.on("SIGTERM", end);
  // Ctrl-C reaches the whole process group; the parent decides in which order things end.
  process.on("SIGINT", () => {});
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
}

/** An error as one line, with the usual causes said plainly. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === "EADDRINUSE") return `${address ?? "address"}:${port ?? "?"} is in use by another program`;
  if (code === "EACCES" && port !== undefined) return `${address}:${port} may not be bound by this user`;
  return error.message.split("\n", 1)[0] ?? error.message;
}
