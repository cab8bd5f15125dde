import type { Decision, InternalRedirectVerdict } from "./decision.js";
import type { InternalRedirectRule } from "./internal-redirect.js";

type Follow = Extract<InternalRedirectVerdict, { kind: "follow" }>;

/**
 * Judges where an internal redirect leads: there must be a route, and the policy's predicates must agree to it.
 *
 * @param visited - Names of routes that earlier redirects from the same route led to.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/http/http_connection_management#internal-redirects
 */
export function judgeTarget(
  rule: InternalRedirectRule,
  verdict: Follow,
  target: Decision,
  visited: readonly string[],
): InternalRedirectVerdict {
  const pass = (reason: string): InternalRedirectVerdict => ({ kind: "pass", reason });
  if (target.kind === "no-route") return pass("no route takes the new request");
  const name = target.route?.name ?? "";
  if (rule.previousRoutes && visited.includes(name)) return pass(`route ${JSON.stringify(name)} was visited before`);
  if (rule.allowedRoutes?.has(name) === false) return pass(`route ${JSON.stringify(name)} is not on the list`);
  return { ...verdict, routeName: name };
}
