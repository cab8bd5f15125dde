import { CharSet } from "./char-set.js";
import { concat, empty, type Node, sameNode } from "./node.js";

/**
 * Takes common beginnings out of an alternation, the way RE2 does it: common literals first, then common first parts that cannot
 * match in several ways, then neighbours of one byte become a class. The language stays; the program gets smaller, and its size is what
 * Envoy's limit counts.
 */
export function factor(subs: readonly Node[]): readonly Node[] {
  const literals = rounds(subs, commonLiterals);
  const leading = rounds(literals, commonFirst);
  return mergeSingles(leading);
}

/** Finds how many nodes from `start` share a beginning, and what it is. */
type Common = (subs: readonly Node[], start: number) => { readonly count: number; readonly prefix: readonly Node[] };

function rounds(subs: readonly Node[], common: Common): readonly Node[] {
  const out: Node[] = [];
  for (let i = 0; i < subs.length; ) {
    const { count, prefix } = common(subs, i);
    if (count < 2) {
      out.push(subs[i] as Node);
      i++;
      continue;
    }
    const rest = subs.slice(i, i + count).map((node) => withoutFirst(node, prefix.length));
    const suffixes = factor(rest);
    const tail: Node = suffixes.length === 1 ? (suffixes[0] ?? empty) : { op: "alternate", subs: suffixes };
    out.push({ op: "concat", subs: [concat(prefix), tail] });
    i += count;
  }
  return out;
}

/** The parts of a sequence, nested ones opened. */
function parts(node: Node): readonly Node[] {
  return node.op === "concat" ? node.subs.flatMap(parts) : [node];
}

function leadingLiterals(node: Node): readonly Extract<Node, { op: "literal" }>[] {
  const out: Extract<Node, { op: "literal" }>[] = [];
  for (const part of parts(node)) {
    if (part.op !== "literal") break;
    // A string is folded as a whole or not at all.
    if (out[0] !== undefined && out[0].fold !== part.fold) break;
    out.push(part);
  }
  return out;
}

function commonLiterals(subs: readonly Node[], start: number): { count: number; prefix: readonly Node[] } {
  let prefix = leadingLiterals(subs[start] as Node);
  let count = 1;
  for (let i = start + 1; i < subs.length; i++) {
    const other = leadingLiterals(subs[i] as Node);
    let same = 0;
    while (same < prefix.length && same < other.length && sameNode(prefix[same] as Node, other[same] as Node)) same++;
    if (same === 0) break;
    prefix = prefix.slice(0, same);
    count++;
  }
  return { count, prefix };
}

function commonFirst(subs: readonly Node[], start: number): { count: number; prefix: readonly Node[] } {
  const [first] = parts(subs[start] as Node);
  let count = 1;
  if (first === undefined || !isPlain(first)) return { count, prefix: [] };
  while (start + count < subs.length) {
    const [other] = parts(subs[start + count] as Node);
    if (other === undefined || !sameNode(first, other)) break;
    count++;
  }
  return { count, prefix: [first] };
}

/** Whether a part can match in one way only: factoring it out changes no preference. */
function isPlain(node: Node): boolean {
  if (node.op === "assert" || node.op === "class" || node.op === "any" || node.op === "any-byte") return true;
  if (node.op !== "repeat" || node.min !== node.max) return false;
  return node.sub.op === "literal" || node.sub.op === "class" || node.sub.op === "any" || node.sub.op === "any-byte";
}

function withoutFirst(node: Node, count: number): Node {
  return concat(parts(node).slice(count));
}

function mergeSingles(subs: readonly Node[]): readonly Node[] {
  const out: Node[] = [];
  for (let i = 0; i < subs.length; ) {
    let end = i;
    while (end < subs.length && isSingle(subs[end] as Node)) end++;
    if (end - i < 2) {
      out.push(subs[i] as Node);
      i++;
      continue;
    }
    const set = new CharSet();
    for (const node of subs.slice(i, end)) {
      if (node.op === "class") set.addRanges(node.ranges, true, false);
      if (node.op === "literal") node.fold ? set.addFolded(node.byte, node.byte) : set.add(node.byte, node.byte);
    }
    out.push({ op: "class", ranges: set.toRanges() });
    i = end;
  }
  return dropRepeatedEmpty(out);
}

function isSingle(node: Node): boolean {
  return node.op === "literal" || node.op === "class";
}

/** Several empty alternatives in a row are one. */
function dropRepeatedEmpty(subs: readonly Node[]): readonly Node[] {
  return subs.filter((node, i) => node.op !== "empty" || subs[i - 1]?.op !== "empty");
}
