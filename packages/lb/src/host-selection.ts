import type { Host } from "./host.js";
import type { PickContext } from "./pick.js";

/** How many hosts a choice may draw: one for a first attempt, one more for each redraw a retry may have. */
export function drawsAllowed(context: PickContext): number {
  if (context.attempted === undefined || context.attempted.length === 0) return 1;
  return (context.hostSelectionRetryMaxAttempts ?? 1) + 1;
}

/** Whether a retry should go to another host. First attempts take any. */
export function isPassedOver(host: Host, context: PickContext): boolean {
  const { attempted, hostPredicates } = context;
  if (attempted === undefined || attempted.length === 0 || hostPredicates === undefined) return false;
  for (const predicate of hostPredicates) if (predicate(host, context)) return true;
  return false;
}
