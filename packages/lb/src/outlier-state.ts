/** What one success-rate monitor has seen in the present interval and in the last complete one. */
export interface SuccessBucket {
  total: number;
  success: number;
  lastTotal: number;
  lastSuccess: number;
  /** Rate in percent after the last sweep; −1 if there was too little traffic. */
  rate: number;
}

/** Everything the outlier detector keeps about a host. */
export interface OutlierState {
  consecutive5xx: number;
  consecutiveGatewayFailure: number;
  consecutiveLocalOriginFailure: number;
  readonly external: SuccessBucket;
  readonly local: SuccessBucket;
  /** Ejections so far. */
  numEjections: number;
  /** Ejections in a row as far as they are not forgotten; the next one lasts as many times the base. */
  backoff: number;
  /** Monotonic milliseconds; −∞ if never. */
  ejectedAt: number;
  /** Monotonic milliseconds; −∞ if never. */
  unejectedAt: number;
  /** Drawn for the present ejection. */
  jitterMs: number;
  /** Whether the host is back on trial. */
  onProbation: boolean;
  /** Successes of the present trial. */
  probationSuccesses: number;
  /** Times it was marked as degraded in a row, as far as they are not forgotten. */
  degradeBackoff: number;
  /** When it was marked, in monotonic milliseconds. */
  degradedAt: number;
  /** When the mark was cleared, in monotonic milliseconds; −∞ if never. */
  undegradedAt: number;
  /** Drawn for the present mark. */
  degradeJitterMs: number;
}

/** Before every instant: the zero point of a clock is arbitrary, so that no number could stand for it. */
const NEVER = Number.NEGATIVE_INFINITY;

/** State of a host nothing is known of. */
export function createOutlierState(): OutlierState {
  return {
    consecutive5xx: 0,
    consecutiveGatewayFailure: 0,
    consecutiveLocalOriginFailure: 0,
    external: createBucket(),
    local: createBucket(),
    numEjections: 0,
    backoff: 0,
    ejectedAt: NEVER,
    unejectedAt: NEVER,
    jitterMs: 0,
    onProbation: false,
    probationSuccesses: 0,
    degradeBackoff: 0,
    degradedAt: NEVER,
    undegradedAt: NEVER,
    degradeJitterMs: 0,
  };
}

function createBucket(): SuccessBucket {
  return { total: 0, success: 0, lastTotal: 0, lastSuccess: 0, rate: -1 };
}

/** Ends the interval of a bucket: what was counted becomes what the sweep looks at. */
export function turnBucket(bucket: SuccessBucket): void {
  bucket.lastTotal = bucket.total;
  bucket.lastSuccess = bucket.success;
  bucket.total = 0;
  bucket.success = 0;
  bucket.rate = -1;
}

/** Whole seconds from an instant to another; −1 if the first never was. */
export function secondsSince(instant: number, now: number): number {
  return instant === NEVER ? -1 : Math.floor((now - instant) / 1000);
}
