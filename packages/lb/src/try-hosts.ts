import type { Permit } from "./circuit-breaker-options.js";
import type { Cluster } from "./cluster.js";
import type { Host } from "./host.js";
import type { NoPick, Outcome, PickContext } from "./pick.js";
import { previousHosts } from "./retry.js";

/** How {@link tryHosts} sends a request, and when it sends it again. `O` is what an attempt comes to. */
export interface TryHostsOptions<O> {
  /** What the balancer may know of the request; retries pass over hosts that were attempted unless it says otherwise. */
  readonly context?: PickContext;
  /** Waits between attempts, such as `setTimeout` of `node:timers/promises`; it keeps the process alive, or not. */
  readonly wait: (delayMs: number) => Promise<unknown>;
  /** What outlier detection is to learn from what an attempt came to. */
  readonly outcomeOf: (result: O) => Outcome;
  /** How long to wait before the next attempt, in milliseconds; nothing lets the result stand. Attempts count from 1. */
  readonly retryDelayMs: (result: O, attempt: number) => number | undefined;
  /**
   * Sends one attempt. `stands` may be asked as soon as the result is known, such as when response headers are there
   * and the body is to come: false means that another attempt follows and this result is to be dropped.
   */
  readonly send: (host: Host, attempt: number, stands: (result: O) => boolean) => Promise<O>;
}

/** What came of a request: the result that stands, or why there was no host for an attempt. */
export type Tried<O> = { readonly kind: "result"; readonly result: O; readonly attempts: number } | NoPick;

/**
 * Sends a request to a host of a cluster, and to others as long as `retryDelayMs` asks for it and the cluster's circuit
 * breaker or retry budget has a permit. Every pick is reported and given back, also when `send` throws.
 *
 * @throws what `send` throws.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
export async function tryHosts<O>(cluster: Cluster, options: TryHostsOptions<O>): Promise<Tried<O>> {
  const attempted: Host[] = [];
  // At most one: that of the attempt under way.
  let permit: Permit | undefined;
  try {
    for (let attempt = 1; ; attempt++) {
      const pick = cluster.pick({
        hostPredicates: [previousHosts],
        hostSelectionRetryMaxAttempts: 3,
        ...options.context,
        attempted,
      });
      if (pick.kind === "none") return pick;
      attempted.push(pick.host);
      let delayMs: number | undefined;
      let judged = false;
      let over = false;
      const stands = (result: O): boolean => {
        // Asked too late, when another attempt may be under way: a permit taken now would be given back by nobody.
        if (over) return false;
        judged = true;
        pick.report(options.outcomeOf(result));
        delayMs = options.retryDelayMs(result, attempt);
        if (delayMs === undefined) return true;
        permit?.release();
        permit = cluster.admit("retry", options.context?.routingPriority);
        if (permit === undefined) delayMs = undefined;
        return permit === undefined;
      };
      try {
        const result = await options.send(pick.host, attempt, stands);
        if (!judged) stands(result);
        if (delayMs === undefined) return { kind: "result", result, attempts: attempt };
      } finally {
        over = true;
        // Only the first report counts: this one is for a `send` that threw.
        pick.done({ result: "aborted" });
      }
      if (delayMs > 0) await options.wait(delayMs);
    }
  } finally {
    permit?.release();
  }
}
