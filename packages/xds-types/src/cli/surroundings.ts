import { readFileSync, statSync } from "node:fs";

/** What the command line needs of the world. */
export interface Surroundings {
  /** Writes to standard output. */
  readonly out: (text: string | Uint8Array) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  /** Reads a file, or standard input for `-`; throws one line of why not. */
  readonly read: (file: string) => string;
}

const maxBytes = 64 * 1024 * 1024;

/** The real world. */
export const surroundings: Surroundings = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  read: (file) => {
    const bytes = file === "-" ? readFileSync(0) : readRegular(file);
    if (bytes.includes(0)) throw new Error(`${file}: is binary, expected YAML or JSON`);
    return bytes.toString("utf8");
  },
};

function readRegular(file: string): Buffer {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`${file}: no such file`);
  if (found.isDirectory()) throw new Error(`${file}: is a directory`);
  if (found.size > maxBytes) throw new Error(`${file}: has ${found.size} bytes, more than the limit of ${maxBytes}`);
  return readFileSync(file);
}
