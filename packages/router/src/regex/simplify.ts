import { concat, empty, type Node, sameNode } from "./node.js";

/** Rewrites counted repetitions into simple ones, after merging neighbours of the same operand, as RE2 does before it compiles. */
export function simplify(node: Node): Node {
  return expand(coalesce(node));
}

type Repetition = Extract<Node, { op: "star" | "plus" | "quest" | "repeat" }>;

function isRepetition(node: Node): node is Repetition {
  return node.op === "star" || node.op === "plus" || node.op === "quest" || node.op === "repeat";
}

function isSingle(node: Node): boolean {
  return node.op === "literal" || node.op === "class" || node.op === "any" || node.op === "any-byte";
}

function bounds(node: Repetition): readonly [min: number, max: number] {
  switch (node.op) {
    case "star":
      return [0, -1];
    case "plus":
      return [1, -1];
    case "quest":
      return [0, 1];
    case "repeat":
      return [node.min, node.max];
  }
}

/** `a*a+` is `a{1,}`, `a+a` is `a{2,}`: neighbours that repeat the same byte become one repetition. */
function coalesce(node: Node): Node {
  switch (node.op) {
    case "capture":
    case "star":
    case "plus":
    case "quest":
    case "repeat":
      return { ...node, sub: coalesce(node.sub) };
    case "alternate":
      return { ...node, subs: node.subs.map(coalesce) };
    case "concat":
      return coalesceConcat(node.subs.map(coalesce));
    default:
      return node;
  }
}

function coalesceConcat(subs: readonly Node[]): Node {
  const out: Node[] = [];
  for (const sub of subs) {
    const last = out.at(-1);
    const merged = last === undefined ? undefined : mergePair(last, sub);
    if (merged === undefined) out.push(sub);
    else out[out.length - 1] = merged;
  }
  return concat(out);
}

function mergePair(first: Node, second: Node): Node | undefined {
  if (!isRepetition(first) || !isSingle(first.sub)) return undefined;
  const [min, max] = bounds(first);
  const add = (moreMin: number, moreMax: number): Node => ({
    op: "repeat",
    sub: first.sub,
    min: min + moreMin,
    max: max < 0 || moreMax < 0 ? -1 : max + moreMax,
    greedy: first.greedy,
  });
  if (isRepetition(second)) {
    if (second.greedy !== first.greedy || !sameNode(first.sub, second.sub)) return undefined;
    return add(...bounds(second));
  }
  return sameNode(first.sub, second) ? add(1, 1) : undefined;
}

function expand(node: Node): Node {
  switch (node.op) {
    case "capture":
      return { ...node, sub: expand(node.sub) };
    case "concat":
    case "alternate":
      return { ...node, subs: node.subs.map(expand) };
    case "star":
    case "plus":
    case "quest": {
      const sub = expand(node.sub);
      if (sub.op === "empty") return empty;
      if (sub.op === node.op && sub.greedy === node.greedy) return sub;
      return { ...node, sub };
    }
    case "repeat": {
      const sub = expand(node.sub);
      return sub.op === "empty" ? empty : expandRepeat(sub, node.min, node.max, node.greedy);
    }
    default:
      return node;
  }
}

function expandRepeat(sub: Node, wantedMin: number, wantedMax: number, greedy: boolean): Node {
  const onlyAsserts =
    sub.op === "assert" ||
    ((sub.op === "concat" || sub.op === "alternate") && sub.subs.every((one) => one.op === "assert"));
  const min = onlyAsserts ? Math.min(wantedMin, 1) : wantedMin;
  const max = onlyAsserts ? Math.min(wantedMax, 1) : wantedMax;
  if (max < 0) {
    if (min === 0) return { op: "star", sub, greedy };
    const last: Node = { op: "plus", sub, greedy };
    return concat([...Array.from({ length: min - 1 }, () => sub), last]);
  }
  if (max === 0) return empty;
  const head = Array.from({ length: min }, () => sub);
  if (max === min) return concat(head);
  let tail: Node = { op: "quest", sub, greedy };
  for (let i = min + 1; i < max; i++) tail = { op: "quest", sub: { op: "concat", subs: [sub, tail] }, greedy };
  return concat([...head, tail]);
}
