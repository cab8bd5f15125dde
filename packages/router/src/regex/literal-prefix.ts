import type { Node } from "./node.js";
import { parseRegex } from "./parse.js";

/** What every text that a pattern matches begins with; empty if nothing is certain. */
export function literalPrefix(pattern: string): string {
  // A pattern that does not parse has been reported, and matches nothing.
  if (pattern === "") return "";
  return collect(parseRegex(pattern).node).text;
}

/** Literal text at the front of a node, and whether the node is nothing but that text. */
function collect(node: Node): { readonly text: string; readonly whole: boolean } {
  switch (node.op) {
    case "literal":
      return node.fold ? { text: "", whole: false } : { text: String.fromCharCode(node.byte), whole: true };
    case "capture":
      return collect(node.sub);
    case "assert":
      return { text: "", whole: node.what === "begin-text" };
    case "empty":
      return { text: "", whole: true };
    case "plus":
      return { text: collect(node.sub).text, whole: false };
    case "concat": {
      let text = "";
      for (const sub of node.subs) {
        const part = collect(sub);
        text += part.text;
        if (!part.whole) return { text, whole: false };
      }
      return { text, whole: true };
    }
    default:
      return { text: "", whole: false };
  }
}
