import type { Node } from "./node.js";

/** The most times a counted repetition may repeat. */
export const maxRepeat = 1000;

/** What nested repetitions leave of the limit: their product must stay within it. */
export function repetitionBudget(node: Node, budget: number): number {
  switch (node.op) {
    case "repeat": {
      const times = node.max < 0 ? node.min : node.max;
      return repetitionBudget(node.sub, times > 0 ? Math.floor(budget / times) : budget);
    }
    case "capture":
    case "star":
    case "plus":
    case "quest":
      return repetitionBudget(node.sub, budget);
    case "concat":
    case "alternate":
      return node.subs.reduce((least, sub) => Math.min(least, repetitionBudget(sub, budget)), budget);
    default:
      return budget;
  }
}
