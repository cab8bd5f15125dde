import type { OutlierConfig } from "./outlier-config.js";
import type { OutlierState } from "./outlier-state.js";
import type { Outcome } from "./pick.js";

/**
 * Thresholds that an outcome reached, as bits: every request ends here, and a callback or a list for it would be an
 * object each time. The detector resets a counter if it acts on it.
 */
export const Reached = { gatewayFailure: 1, failure: 2, localOriginFailure: 4 } as const;

/** HTTP statuses that stand for results without one, when local and external results are judged together. */
const STATUS_OF = { timeout: 504, "connect-failed": 503, "request-failed": 500 } as const;

/** What counts as failure of the other side when only the fact is known and results are split. */
const SPLIT_REQUEST_FAILED = 503;

/**
 * Counts an outcome and returns which of {@link Reached} it led to.
 *
 * @param connected - Whether the success of the connection has been counted already.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier#arch-overview-outlier-detection-grpc
 */
export function recordOutcome(
  state: OutlierState,
  outcome: Outcome,
  config: OutlierConfig,
  connected: boolean,
): number {
  return config.splitExternalLocalOriginErrors
    ? recordSplit(state, outcome, config, connected)
    : recordTogether(state, outcome, config);
}

function recordTogether(state: OutlierState, outcome: Outcome, config: OutlierConfig): number {
  switch (outcome.result) {
    case "response":
    case "connected-final":
      return recordStatus(state, outcome.status ?? 200, config);
    case "timeout":
    case "connect-failed":
    case "request-failed":
      // A status wins over the result: a late answer that was still 200 is a success.
      return recordStatus(state, outcome.status ?? STATUS_OF[outcome.result], config);
    case "connected":
    case "aborted":
      return 0;
  }
}

function recordSplit(state: OutlierState, outcome: Outcome, config: OutlierConfig, connected: boolean): number {
  switch (outcome.result) {
    case "response":
      if (!connected) recordLocalSuccess(state);
      return recordStatus(state, outcome.status ?? 200, config);
    case "request-failed":
      return recordStatus(state, outcome.status ?? SPLIT_REQUEST_FAILED, config);
    case "connected":
    case "connected-final":
      if (!connected) recordLocalSuccess(state);
      return 0;
    case "timeout":
    case "connect-failed":
      return recordLocalFailure(state, config);
    case "aborted":
      return 0;
  }
}

function recordStatus(state: OutlierState, status: number, config: OutlierConfig): number {
  state.external.total += 1;
  if (!isServerError(status)) {
    state.external.success += 1;
    state.consecutive5xx = 0;
    state.consecutiveGatewayFailure = 0;
    return 0;
  }
  let found = 0;
  if (status >= 502 && status <= 504) {
    state.consecutiveGatewayFailure += 1;
    if (reached(state.consecutiveGatewayFailure, config.consecutiveGatewayFailure)) found |= Reached.gatewayFailure;
  } else {
    state.consecutiveGatewayFailure = 0;
  }
  state.consecutive5xx += 1;
  return reached(state.consecutive5xx, config.consecutive5xx) ? found | Reached.failure : found;
}

/** 500–599. What is beyond is no server error in Envoy either. */
export function isServerError(status: number): boolean {
  return status >= 500 && status < 600;
}

function recordLocalSuccess(state: OutlierState): void {
  state.local.total += 1;
  state.local.success += 1;
  state.consecutiveLocalOriginFailure = 0;
}

function recordLocalFailure(state: OutlierState, config: OutlierConfig): number {
  state.local.total += 1;
  state.consecutiveLocalOriginFailure += 1;
  const found = reached(state.consecutiveLocalOriginFailure, config.consecutiveLocalOriginFailure);
  return found ? Reached.localOriginFailure : 0;
}

/** Envoy asks for equality, so that a threshold lowered below the running count is missed until the next success. */
function reached(count: number, threshold: number): boolean {
  return threshold > 0 && count >= threshold;
}
