import type { Ranges } from "./char-set.js";

/** An assertion that takes no text. */
export type Assertion = "begin-line" | "end-line" | "begin-text" | "end-text" | "word-boundary" | "no-word-boundary";

/** A parsed pattern. */
export type Node =
  | { readonly op: "empty" }
  /** Matches nothing. */
  | { readonly op: "none" }
  /** One byte; with `fold`, a lower-case letter in either case. */
  | { readonly op: "literal"; readonly byte: number; readonly fold: boolean }
  | { readonly op: "class"; readonly ranges: Ranges }
  /** Any byte: `(?s).` and `\C` are kept apart from classes, because RE2 does not merge them the same way. */
  | { readonly op: "any" | "any-byte" }
  | { readonly op: "assert"; readonly what: Assertion }
  | { readonly op: "capture"; readonly index: number; readonly sub: Node }
  | { readonly op: "star" | "plus" | "quest"; readonly sub: Node; readonly greedy: boolean }
  | { readonly op: "repeat"; readonly sub: Node; readonly min: number; readonly max: number; readonly greedy: boolean }
  | { readonly op: "concat"; readonly subs: readonly Node[] }
  | { readonly op: "alternate"; readonly subs: readonly Node[] };

/** The empty pattern. */
export const empty: Node = { op: "empty" };

/** A concatenation; of one it is that one, of none the empty pattern. */
export function concat(subs: readonly Node[]): Node {
  const [only] = subs;
  if (only === undefined) return empty;
  return subs.length === 1 ? only : { op: "concat", subs };
}

/** Whether two patterns are written the same. */
export function sameNode(a: Node, b: Node): boolean {
  if (a === b) return true;
  if (a.op !== b.op) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
