import { readFileSync, statSync } from "node:fs";

/** Where a command writes. */
export interface Output {
  /** Results. */
  stdout(text: string): void;
  /** Problems. */
  stderr(text: string): void;
}

/** Something the user has to know, as lines for stderr; the exit code is 2. */
export class UsageError extends Error {}

const maxBytes = 64 * 1024 * 1024;

/** Reads a file, or stdin for `-`. */
export function readText(file: string): string {
  try {
    if (file !== "-") {
      const stats = statSync(file);
      if (stats.isDirectory()) throw new UsageError(`${file}: is a directory`);
      // A device may never end.
      if (stats.isCharacterDevice() || stats.isBlockDevice()) throw new UsageError(`${file}: is a device`);
      if (stats.size > maxBytes) throw new UsageError(`${file}: is larger than ${maxBytes} bytes`);
    }
    const text = readFileSync(file === "-" ? 0 : file, "utf8");
    if (text.includes("\0")) throw new UsageError(`${file}: is not a text file`);
    return text;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`${file}: ${reasons[code ?? ""] ?? (error as Error).message}`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EISDIR: "is a directory",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "no such file",
  ENOTDIR: "no such file",
};
