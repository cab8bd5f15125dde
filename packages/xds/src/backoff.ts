/** A uniform random number in `[0, 1)`. */
export type Random = () => number;

/** How long to wait between attempts. */
export interface BackoffConfig {
  /** Before the second attempt. */
  readonly baseMs: number;
  /** Factor from one wait to the next. */
  readonly multiplier: number;
  /** How far a wait may stray, as a share: 0.2 is ±20 %. */
  readonly jitter: number;
  /** The longest wait before jitter. */
  readonly maxMs: number;
}

/**
 * gRPC's connection back-off.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md
 */
export const GRPC_BACKOFF: BackoffConfig = { baseMs: 1000, multiplier: 1.6, jitter: 0.2, maxMs: 120_000 };

/**
 * How long to wait after a failure.
 *
 * @param attempt - Failures in a row, from 1.
 * @returns Milliseconds.
 */
export function delayMs(attempt: number, config: BackoffConfig, random: Random): number {
  const wait = Math.min(config.maxMs, config.baseMs * config.multiplier ** (attempt - 1));
  return wait * (1 + config.jitter * (2 * random() - 1));
}
