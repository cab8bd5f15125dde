import { effectiveLimits } from "../circuit-breaker.js";
import type { CircuitBreakerOptions, WindowRetryBudget } from "../circuit-breaker-options.js";
import { retryBudgetLimit, windowBudgetAmounts } from "../retry-budget.js";
import { type LintFacts, type LintFinding, note, warning } from "./finding.js";

/** What circuit breakers and retry budgets of the routing priority `DEFAULT` mean at a rate of requests. */
export function lintLimits(breakers: readonly CircuitBreakerOptions[], facts: LintFacts): LintFinding[] {
  const rate = facts.requestsPerSecond;
  if (rate === undefined) return [];
  const latencyMs = facts.latencyMs ?? 100;
  const inFlight = Math.round((rate * latencyMs) / 1000);
  const index = breakers.findIndex((each) => (each.priority ?? "DEFAULT") === "DEFAULT");
  const path = index < 0 ? "circuit_breakers" : `circuit_breakers.thresholds[${index}]`;
  const load = `${rate} requests/s of ${latencyMs} ms are about ${inFlight} in flight`;
  const { retryBudget, maxRetries, maxRequests } = effectiveLimits(breakers, "DEFAULT");
  const findings: LintFinding[] = [];
  if (retryBudget?.kind === "window") {
    findings.push(note("retry-budget", `${path}.retry_budget`, windowMessage(retryBudget, rate)));
  } else if (retryBudget !== undefined) {
    const intervalMs = retryBudget.budgetIntervalMs ?? 0;
    const counted = intervalMs > 0 ? Math.round((rate * intervalMs) / 1000) : inFlight;
    const basis = intervalMs > 0 ? `${rate} requests/s are ${counted} in ${intervalMs} ms` : load;
    const limit = retryBudgetLimit(counted, 0, retryBudget);
    const floor = retryBudgetLimit(0, 0, retryBudget);
    const message = `${basis}; the budget then means ${limit} retries at a time, and with nothing else in flight ${floor}`;
    findings.push((limit === 0 ? warning : note)("retry-budget", `${path}.retry_budget`, message));
  } else {
    const share = maxRetries < inFlight ? `, ${((100 * maxRetries) / inFlight).toFixed(1)} % of them` : "";
    const message = `${load}; at most ${maxRetries} retries at a time${share}`;
    findings.push(note("retry-limit", `${path}.max_retries`, message));
  }
  if (inFlight > maxRequests) {
    const message = `${load}, more than the ${maxRequests} that are admitted`;
    findings.push(warning("requests-overflow", `${path}.max_requests`, message));
  }
  return findings;
}

/** The window fills at the rate of requests and is emptied by retries. */
function windowMessage(budget: WindowRetryBudget, rate: number): string {
  const { depositAmount, withdrawAmount } = windowBudgetAmounts(budget);
  const floor = budget.minPerSec ?? 10;
  const perSecond = floor + (rate * depositAmount) / withdrawAmount;
  return `${rate} requests/s: about ${perSecond.toFixed(1)} retries/s, of which ${floor} without any traffic`;
}
