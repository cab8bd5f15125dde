import type { RouteAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower } from "./ascii.js";
import type { InternalRedirectVerdict } from "./decision.js";
import { typeName, unknownExtension } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { HeaderFields } from "./header/fields.js";
import { fieldOf } from "./header/list.js";
import type { HeaderList } from "./request.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** A compiled InternalRedirectPolicy. */
export interface InternalRedirectRule {
  readonly statuses: readonly number[];
  readonly maxRedirects: number;
  readonly crossScheme: boolean;
  readonly safeCrossScheme: boolean;
  readonly previousRoutes: boolean;
  readonly allowedRoutes: ReadonlySet<string> | undefined;
  readonly copy: readonly string[];
}

const redirects: readonly number[] = [301, 302, 303, 307, 308];
const predicate = "envoy.extensions.internal_redirect.";

/** Compiles `internal_redirect_policy`, or the deprecated fields it replaced. */
export function compileInternalRedirect(
  action: RouteAction,
  scope: Scope,
  _surroundings: Surroundings,
): InternalRedirectRule | undefined {
  const policy = action.internalRedirectPolicy;
  if (policy === undefined) {
    if (action.internalRedirectAction !== "HANDLE_INTERNAL_REDIRECT") return undefined;
    return {
      statuses: [302],
      maxRedirects: action.maxInternalRedirects ?? 1,
      crossScheme: true,
      safeCrossScheme: false,
      previousRoutes: false,
      allowedRoutes: undefined,
      copy: [],
    };
  }
  const where = scope.field("internal_redirect_policy");
  let previousRoutes = false;
  let safeCrossScheme = false;
  let allowedRoutes: Set<string> | undefined;
  policy.predicates?.forEach((one, i) => {
    const type = typeName(one.typedConfig);
    if (type === `${predicate}previous_routes.v3.PreviousRoutesConfig`) previousRoutes = true;
    else if (type === `${predicate}safe_cross_scheme.v3.SafeCrossSchemeConfig`) safeCrossScheme = true;
    else if (type === `${predicate}allow_listed_routes.v3.AllowListedRoutesConfig`) {
      const message = one.typedConfig as { readonly message?: { readonly allowedRouteNames?: readonly string[] } };
      allowedRoutes = new Set(message.message?.allowedRouteNames);
    } else unknownExtension(type, where.item("predicates", i));
  });
  const copy = (policy.responseHeadersToCopy ?? []).map((name, i) => {
    const lower = asciiLower(name);
    if (lower.startsWith(":") || lower === "host") {
      where
        .item("response_headers_to_copy", i)
        .report("ERR_ROUTER_HEADER_FORBIDDEN", `${JSON.stringify(name)} may not be copied`);
    }
    return lower;
  });
  const codes = policy.redirectResponseCodes ?? [];
  return {
    statuses: codes.length === 0 ? [302] : codes.filter((code) => redirects.includes(code)),
    maxRedirects: policy.maxInternalRedirects ?? 1,
    crossScheme: policy.allowCrossSchemeRedirect === true,
    safeCrossScheme,
    previousRoutes,
    allowedRoutes,
    copy,
  };
}

const location = /^(https?):\/\/([^/?#]+)([^#]*)/i;

/**
 * Judges an upstream redirect: whether the proxy follows it itself, and with which request.
 *
 * @param followed - How many redirects were followed before.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/http/http_connection_management#internal-redirects
 */
export function judgeRedirect(
  rule: InternalRedirectRule,
  status: number,
  headers: HeaderList,
  followed: number,
  facts: RequestFacts,
): InternalRedirectVerdict {
  const pass = (reason: string): InternalRedirectVerdict => ({ kind: "pass", reason });
  if (!rule.statuses.includes(status)) return pass(`status ${status} is not followed`);
  const target = fieldOf(headers, "location");
  if (target === undefined) return pass("no location");
  if (followed >= rule.maxRedirects) return pass(`${followed} redirects were followed already`);
  const original = facts.request;
  const found = location.exec(target);
  if (found === null && !target.startsWith("/")) return pass("location is not an absolute URL or path");
  const scheme = found === null ? original.scheme : (found[1] as string).toLowerCase();
  if (scheme !== original.scheme && !rule.crossScheme) return pass("the scheme changes");
  if (rule.safeCrossScheme && scheme === "https" && original.scheme !== "https") return pass("http would become https");
  const fields = new HeaderFields(original.headers);
  fields.set("x-envoy-original-url", `${original.scheme}://${original.authority ?? ""}${original.path ?? ""}`);
  for (const name of rule.copy) {
    const value = fieldOf(headers, name);
    if (value === undefined) fields.remove(name);
    else fields.set(name, value);
  }
  const path = found === null ? target.replace(/#.*$/, "") : (found[3] as string);
  const toGet = status === 303 && original.method !== "GET" && original.method !== "HEAD";
  if (toGet) fields.remove("content-length");
  return {
    kind: "follow",
    request: {
      method: toGet ? "GET" : original.method,
      scheme,
      authority: found === null ? (original.authority ?? "") : (found[2] as string),
      path: path.startsWith("/") ? path : `/${path}`,
      headers: fields.toList(),
    },
    dropBody: toGet,
  };
}
