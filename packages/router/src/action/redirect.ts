import type { RedirectAction } from "@weftmesh/xds-types/envoy/config/route/v3";
import { asciiLower, byteText } from "../ascii.js";
import type { FormatInput } from "../format/values.js";
import type { PathTest } from "../match/path.js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";
import { compilePathRewrite, type PathRewrite } from "./rewrite.js";

/** A compiled RedirectAction. */
export interface RedirectRule {
  readonly kind: "redirect";
  readonly status: number;
  readonly scheme: string;
  readonly https: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly pathRewrite: PathRewrite | undefined;
  readonly stripQuery: boolean;
}

const statuses: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

/** Compiles a RedirectAction. */
export function compileRedirect(
  action: RedirectAction,
  match: PathTest,
  scope: Scope,
  surroundings: Surroundings,
): RedirectRule {
  const code = action.responseCode ?? "MOVED_PERMANENTLY";
  const status = typeof code === "number" ? [301, 302, 303, 307, 308][code] : statuses[code];
  if (status === undefined) {
    scope.field("response_code").report("ERR_ROUTER_FIELD_INVALID", `expected a known redirect code, got ${code}`);
  }
  return {
    kind: "redirect",
    status: status ?? 301,
    scheme: byteText(action.schemeRedirect ?? ""),
    https: action.httpsRedirect === true,
    host: byteText(action.hostRedirect ?? ""),
    port: action.portRedirect ?? 0,
    path: byteText(action.pathRedirect ?? ""),
    pathRewrite: compilePathRewrite(action, match, scope, surroundings),
    stripQuery: action.stripQuery === true,
  };
}

/** The URL that a redirect sends a request to; a path rewrite has been applied before. */
export function locationOf(rule: RedirectRule, input: FormatInput): string {
  const request = input.request;
  const scheme = rule.scheme !== "" ? rule.scheme : rule.https ? "https" : request.scheme;
  const port = rule.port === 0 ? "" : `:${rule.port}`;
  const host = rule.host !== "" ? rule.host : requestHost(input, scheme, port !== "");
  return `${scheme}://${host}${port}${pathOf(rule, input)}`;
}

/** The URL of a request itself, which a direct response with a status that points somewhere gives. */
export function ownLocation(input: FormatInput): string {
  const { scheme, path = "" } = input.request;
  return `${scheme}://${requestHost(input, scheme, false)}${path}`;
}

/** The request's host; its port goes if the redirect has one, or if it is the default of a scheme that changes. */
function requestHost(input: FormatInput, newScheme: string, newPort: boolean): string {
  const host = input.request.authority ?? "";
  const end = host.startsWith("[") ? host.lastIndexOf("]:") + 1 : host.lastIndexOf(":");
  if (end < 0 || (end === 0 && host.startsWith("["))) return host;
  const port = host.slice(end);
  const proto = input.request.fields.get("x-forwarded-proto") ?? "";
  const old = asciiLower(proto);
  const isDefault = (old === "https" && port === ":443") || (old === "http" && port === ":80");
  return newPort || (newScheme !== proto && isDefault) ? host.slice(0, end) : host;
}

function pathOf(rule: RedirectRule, input: FormatInput): string {
  const current = input.request.path ?? "";
  // A path_redirect with a query of its own is final.
  if (rule.path.includes("?")) return withSlash(rule.path);
  let path = rule.path;
  if (path === "") path = current;
  else {
    const query = current.indexOf("?");
    if (query >= 0) path += current.slice(query);
  }
  path = withSlash(path);
  const query = rule.stripQuery ? path.indexOf("?") : -1;
  return query < 0 ? path : path.slice(0, query);
}

function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
