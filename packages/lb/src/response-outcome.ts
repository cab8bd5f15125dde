import { loadReportIn } from "./load-report.js";
import type { Outcome } from "./pick.js";

/**
 * What a response says about its host: status, `x-envoy-degraded`, `x-envoy-immediate-health-check-fail`, seconds of
 * `retry-after`, and the load report.
 *
 * @param header - The value of a field by its name in lower case.
 */
export function responseOutcome(status: number, header: (name: string) => string | undefined): Outcome {
  const retryAfter = header("retry-after");
  const load = loadReportIn(header);
  return {
    result: "response",
    status,
    degraded: header("x-envoy-degraded") !== undefined,
    immediateHealthCheckFail: header("x-envoy-immediate-health-check-fail") !== undefined,
    ...(retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) && { retryAfterMs: 1000 * Number(retryAfter) }),
    ...(load && { load }),
  };
}
