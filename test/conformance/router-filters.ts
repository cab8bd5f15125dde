/** The filters between CORS and the router that a test may configure, as a proxy built from the packages runs them. */
import {
  compileFault,
  compileRbac,
  type Decision,
  type Random,
  type Refusal,
  type RouteRequest,
} from "@weftmesh/router";
import type { HTTPFault } from "@weftmesh/xds-types/envoy/extensions/filters/http/fault/v3";
import type { RBACPerRoute } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";

/** What a filter refuses a request with. */
export type FilterRefusal = Refusal & { readonly details: string; readonly flags: string };

/** The first refusal of the filters of these names; `undefined` if all let the request pass. */
export function refusalOf(
  filters: readonly string[],
  decision: Decision,
  request: RouteRequest,
  random: Random,
): FilterRefusal | undefined {
  if (decision.kind === "no-route") return undefined;
  for (const name of filters) {
    const view = decision.filterConfig(name);
    if (view?.config === undefined || view.disabled) continue;
    if (name === "fault") {
      const { abort } = compileFault(view.config as HTTPFault).decide(request, clusterOf(decision), random);
      if (abort?.httpStatus === undefined) continue;
      return { status: abort.httpStatus, body: "fault filter abort", details: "fault_filter_abort", flags: "FI" };
    }
    if (name === "rbac") {
      const verdict = compileRbac((view.config as RBACPerRoute).rbac ?? {}).decide(request, decision.route?.metadata);
      if (verdict.allowed) continue;
      const details = `rbac_access_denied_matched_policy[${verdict.policy ?? "none"}]`;
      return { status: 403, body: "RBAC: access denied", details, flags: "-" };
    }
  }
  return undefined;
}

function clusterOf(decision: Decision): string {
  return decision.kind === "forward" || decision.kind === "direct-response" ? (decision.cluster ?? "") : "";
}
