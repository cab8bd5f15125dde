import type { RouteAction_HashPolicy } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RequestHashPolicy } from "../hash-policy.js";
import { definedOnly, type IssueList } from "./issues.js";

/** Reads the hash policies of a balancer; those of routes are the router's. */
export function readHashPolicies(
  policies: readonly RouteAction_HashPolicy[],
  path: string,
  issues: IssueList,
): RequestHashPolicy[] {
  return policies.flatMap((policy, index) => {
    const read = readHashPolicy(policy, `${path}[${index}]`, issues);
    return read === undefined ? [] : [policy.terminal ? { ...read, terminal: true } : read];
  });
}

function readHashPolicy(
  policy: RouteAction_HashPolicy,
  path: string,
  issues: IssueList,
): RequestHashPolicy | undefined {
  if (policy.header !== undefined) {
    if (policy.header.regexRewrite !== undefined) {
      // RE2 lives in the router; a backtracking engine must not meet header values here.
      issues.add(`${path}.header.regex_rewrite`, "is not supported in a balancer's own hash policy");
    }
    return { kind: "header", name: (policy.header.headerName ?? "").toLowerCase() };
  }
  if (policy.cookie !== undefined) {
    const { name = "", ttl, path: cookiePath, attributes } = policy.cookie;
    const ttlMs = issues.durationMs(`${path}.cookie.ttl`, ttl);
    return definedOnly<Extract<RequestHashPolicy, { kind: "cookie" }>>({
      kind: "cookie",
      name,
      ttlSeconds: ttlMs === undefined ? undefined : Math.floor(ttlMs / 1000),
      path: cookiePath,
      attributes: attributes?.map((each) => ({ name: each.name ?? "", value: each.value ?? "" })),
    });
  }
  if (policy.connectionProperties !== undefined) {
    if (policy.connectionProperties.sourceIp) return { kind: "source-ip" };
    return undefined;
  }
  if (policy.queryParameter !== undefined) return { kind: "query-parameter", name: policy.queryParameter.name ?? "" };
  if (policy.filterState !== undefined) return { kind: "filter-state", key: policy.filterState.key ?? "" };
  issues.add(path, "must have a policy specifier");
  return undefined;
}
