import type { RouteAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower } from "./ascii.js";
import type { InternalRedirectVerdict } from "./decision.js";
import { typeName, unknownExtension } from "./extension.js";
import type { RequestView } from "./format/values.js";
import { HeaderFields } from "./header/fields.js";
import { fieldOf } from "./header/list.js";
import type { HeaderList } from "./request.js";
import type { Scope } from "./scope.js";

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
export function compileInternalRedirect(action: RouteAction, scope: Scope): InternalRedirectRule | undefined {
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

// User information is left out; Envoy takes no relative location, and any scheme but `http` for a safe one.
const location = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/?#@]*@)?([^/?#]+)([^#]*)/i;

/**
 * Judges an upstream redirect: whether the proxy follows it itself, and with which request.
 *
 * @param followed - How many redirects were followed before.
 * @param sent - The request that was redirected, as it went upstream: its changes stay.
 * @param overTls - Whether the client's connection is; without it a redirect comes from `http`, whatever the request says.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/http/http_connection_management#internal-redirects
 */
export function judgeRedirect(
  rule: InternalRedirectRule,
  status: number,
  headers: HeaderList,
  followed: number,
  sent: RequestView,
  overTls: boolean,
): InternalRedirectVerdict {
  const pass = (reason: string): InternalRedirectVerdict => ({ kind: "pass", reason });
  if (!rule.statuses.includes(status)) return pass(`status ${status} is not followed`);
  const target = fieldOf(headers, "location");
  if (target === undefined) return pass("no location");
  if (followed >= rule.maxRedirects) return pass(`${followed} redirects were followed already`);
  const found = location.exec(target);
  if (found === null) return pass("location is not an absolute URL");
  const scheme = (found[1] as string).toLowerCase();
  const oldScheme = overTls ? sent.scheme : "http";
  if ((scheme === "http") !== (oldScheme === "http") && !rule.crossScheme) return pass("the scheme changes");
  if (rule.safeCrossScheme && scheme !== "http" && oldScheme === "http") return pass("http would become https");
  const fields = new HeaderFields("request", sent.fields.toList());
  for (const name of rule.copy) {
    fields.remove(name);
    for (let i = 0; i + 1 < headers.length; i += 2) {
      if (headers[i] === name) fields.add(name, headers[i + 1] as string);
    }
  }
  fields.put("x-envoy-original-url", `${oldScheme}://${sent.authority ?? ""}${sent.path ?? ""}`);
  const toGet = status === 303 && sent.method !== "GET" && sent.method !== "HEAD";
  if (toGet) fields.remove("content-length");
  return {
    kind: "follow",
    request: {
      method: toGet ? "GET" : sent.method,
      scheme,
      authority: found[2] as string,
      path: found[3] === "" ? "/" : found[3],
      headers: fields.toList(),
    },
    dropBody: toGet,
  };
}
