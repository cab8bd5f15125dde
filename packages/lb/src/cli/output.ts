/** Where a command writes. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A problem of the input that ends the command with exit code 2 and one line. */
export class InputError extends Error {
  override readonly name = "InputError";
}

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "is below a file, not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "is on a read-only file system",
  ENOSPC: "no space left",
  ELOOP: "is a link that leads to itself",
  EIO: "cannot be read",
};

/** What a failed call of the file system means, in words. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return FILE_PROBLEMS[code] ?? `cannot be used (${code || String(error)})`;
}
