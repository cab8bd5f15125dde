import type { AuthenticatedCaller } from "./authenticator.js";
import type { WallClock } from "./clock.js";

/** How often each caller may ask. */
export interface RateLimit {
  /** Requests a caller may make at once after a pause. */
  readonly burst: number;
  /** Requests a second that a caller may make in the long run. */
  readonly perSecond: number;
  /** How many callers are remembered; the one that was quiet longest is forgotten first. Default: 10,000. */
  readonly maxCallers?: number;
}

/** Makes the `admit` of a certificate service: a token bucket for each identity. */
export function rateLimiter(limit: RateLimit, clock: WallClock): (caller: AuthenticatedCaller) => boolean {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const maxCallers = limit.maxCallers ?? 10_000;
  return ({ id }) => {
    const now = clock.now();
    const known = buckets.get(id) ?? { tokens: limit.burst, at: now };
    // A clock that was set back gives nothing and takes nothing.
    const earned = (Math.max(0, now - known.at) / 1000) * limit.perSecond;
    const tokens = Math.min(limit.burst, known.tokens + earned);
    const admitted = tokens >= 1;
    buckets.delete(id);
    buckets.set(id, { tokens: admitted ? tokens - 1 : tokens, at: now });
    if (buckets.size > maxCallers) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    return admitted;
  };
}
