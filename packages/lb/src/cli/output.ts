/** Where a command writes. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** A problem of the input that ends the command with exit code 2 and one line. */
export class InputError extends Error {
  override readonly name = "InputError";
}
