import { closeSync, openSync, readSync, statSync } from "node:fs";

/** What the command line needs of the world. */
export interface Surroundings {
  /** Writes to standard output. */
  readonly out: (text: string | Uint8Array) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  /** Reads a file, or standard input for `-`; throws one line of why not. */
  readonly read: (file: string) => Uint8Array;
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
    if (file === "-") return readAll(0, "standard input");
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) throw new Error(`${file}: no such file`);
    if (found.isDirectory()) throw new Error(`${file}: is a directory`);
    const descriptor = openSync(file, "r");
    try {
      return readAll(descriptor, file);
    } finally {
      closeSync(descriptor);
    }
  },
};

/** Everything up to the end. What is no regular file does not say how much that is, so the limit holds while reading. */
function readAll(descriptor: number, name: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const chunk = new Uint8Array(1024 * 1024);
    const count = readSome(descriptor, chunk);
    if (count === 0) return Buffer.concat(chunks, length);
    length += count;
    if (length > maxBytes) throw new Error(`${name}: has more than ${maxBytes} bytes, the limit`);
    chunks.push(chunk.slice(0, count));
  }
}

/** Standard input that another program made non-blocking says "again" instead of waiting. */
function readSome(descriptor: number, into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(descriptor, into);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}
