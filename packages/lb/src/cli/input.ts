import { closeSync, openSync, readSync } from "node:fs";
import { fileProblem, InputError } from "./output.js";

/** The largest file that is read. */
const MAX_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;

/**
 * The text of a file, or of standard input for `-`.
 *
 * @throws {@link InputError} for what cannot be read, is too large, or is no text.
 */
export function readInput(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readBytes(file);
  } catch (error) {
    throw error instanceof InputError ? error : new InputError(`${file}: ${fileProblem(error)}`);
  }
  if (bytes.includes(0)) throw new InputError(`${file}: is a binary file`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${file}: is not UTF-8`);
  }
}

/** Everything up to the end. A pipe or a device does not say how much that is, so the limit holds while reading. */
function readBytes(file: string): Uint8Array {
  const descriptor = file === "-" ? 0 : openSync(file, "r");
  try {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const count = readSome(descriptor, chunk);
      if (count === 0) return Buffer.concat(chunks, length);
      length += count;
      if (length > MAX_BYTES) throw new InputError(`${file}: more than ${MAX_BYTES} bytes`);
      chunks.push(chunk.subarray(0, count));
    }
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
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
