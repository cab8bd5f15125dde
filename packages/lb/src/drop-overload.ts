import type { Random } from "./clock.js";
import type { DropOverload } from "./cluster-options.js";

/** The category that refuses this request, if any; categories are asked in order, each with a draw of its own. */
export function droppedBy(categories: readonly DropOverload[], random: Random): string | undefined {
  for (const { category, percent } of categories) if (random() * 100 < percent) return category;
  return undefined;
}
