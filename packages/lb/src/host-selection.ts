import type { Host } from "./host.js";
import type { PickContext } from "./pick.js";

/** Envoy sets no limit; a request that was passed over this often will not find another host. */
const MAX_REDRAWS = 10_000;

/** How many hosts a choice may draw: one for a first attempt, one more for each redraw a retry may have. */
export function drawsAllowed(context: PickContext): number {
  if (context.attempted === undefined || context.attempted.length === 0) return 1;
  const redraws = context.hostSelectionRetryMaxAttempts ?? 1;
  // What is no number must not redraw for ever, nor may a request hang where a predicate rejects every host.
  return redraws >= 0 ? Math.min(redraws, MAX_REDRAWS) + 1 : 1;
}

/** Whether a retry should go to another host. First attempts take any. */
export function isPassedOver(host: Host, context: PickContext): boolean {
  const { attempted, hostPredicates } = context;
  if (attempted === undefined || attempted.length === 0 || hostPredicates === undefined) return false;
  for (const predicate of hostPredicates) if (predicate(host, context)) return true;
  return false;
}
