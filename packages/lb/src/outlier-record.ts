import type { EjectionType } from "./event.js";
import type { OutlierConfig } from "./outlier-config.js";
import type { OutlierState } from "./outlier-state.js";
import type { Outcome } from "./pick.js";

/** Told of each threshold that is reached. The detector resets the counter if it acts on it. */
export type Detected = (type: EjectionType) => void;

/** HTTP statuses that stand for results without one, when local and external results are judged together. */
const STATUS_OF = { timeout: 504, "connect-failed": 503, "request-failed": 500 } as const;

/** What counts as failure of the other side when only the fact is known and results are split. */
const SPLIT_REQUEST_FAILED = 503;

/**
 * Counts an outcome.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#arch-overview-outlier-detection-grpc
 */
export function recordOutcome(state: OutlierState, outcome: Outcome, config: OutlierConfig, detected: Detected): void {
  if (config.splitExternalLocalOriginErrors) recordSplit(state, outcome, config, detected);
  else recordTogether(state, outcome, config, detected);
}

function recordTogether(state: OutlierState, outcome: Outcome, config: OutlierConfig, detected: Detected): void {
  switch (outcome.result) {
    case "response":
    case "connected-final":
      recordStatus(state, outcome.status ?? 200, config, detected);
      return;
    case "timeout":
    case "connect-failed":
    case "request-failed":
      // A status wins over the result: a late answer that was still 200 is a success.
      recordStatus(state, outcome.status ?? STATUS_OF[outcome.result], config, detected);
      return;
    case "connected":
    case "aborted":
      return;
  }
}

function recordSplit(state: OutlierState, outcome: Outcome, config: OutlierConfig, detected: Detected): void {
  switch (outcome.result) {
    case "response":
      recordLocalSuccess(state);
      recordStatus(state, outcome.status ?? 200, config, detected);
      return;
    case "request-failed":
      recordStatus(state, outcome.status ?? SPLIT_REQUEST_FAILED, config, detected);
      return;
    case "connected":
    case "connected-final":
      recordLocalSuccess(state);
      return;
    case "timeout":
    case "connect-failed":
      recordLocalFailure(state, config, detected);
      return;
    case "aborted":
      return;
  }
}

function recordStatus(state: OutlierState, status: number, config: OutlierConfig, detected: Detected): void {
  state.external.total += 1;
  if (status < 500) {
    state.external.success += 1;
    state.consecutive5xx = 0;
    state.consecutiveGatewayFailure = 0;
    return;
  }
  if (status >= 502 && status <= 504) {
    state.consecutiveGatewayFailure += 1;
    if (reached(state.consecutiveGatewayFailure, config.consecutiveGatewayFailure)) {
      detected("CONSECUTIVE_GATEWAY_FAILURE");
    }
  } else {
    state.consecutiveGatewayFailure = 0;
  }
  state.consecutive5xx += 1;
  if (reached(state.consecutive5xx, config.consecutive5xx)) detected("CONSECUTIVE_5XX");
}

function recordLocalSuccess(state: OutlierState): void {
  state.local.total += 1;
  state.local.success += 1;
  state.consecutiveLocalOriginFailure = 0;
}

function recordLocalFailure(state: OutlierState, config: OutlierConfig, detected: Detected): void {
  state.local.total += 1;
  state.consecutiveLocalOriginFailure += 1;
  if (reached(state.consecutiveLocalOriginFailure, config.consecutiveLocalOriginFailure)) {
    detected("CONSECUTIVE_LOCAL_ORIGIN_FAILURE");
  }
}

/** Envoy asks for equality, so a threshold lowered below the running count is missed until the next success. */
function reached(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}
