/** A pattern that RE2 does not accept; within this folder only. */
export class RegexSyntaxError extends Error {
  /** RE2's words for the problem, and the part of the pattern they are about. */
  constructor(problem: string, part: string) {
    super(`${problem}: ${part}`);
  }
}
