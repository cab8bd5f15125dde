import type { RouteAction, RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Scope } from "./scope.js";

/*
 * The rules of gRPC clients and servers, where they are not Envoy's; in force with `profile: "grpc"`.
 *
 * - gRFC A28: fields ending in `-bin` are never there to match, `content-type` is `application/grpc`; a route with query parameters or
 *   with `cluster_header` is passed over; what else a match may hold besides path, headers and fraction is not looked at; path
 *   specifiers that gRPC does not know refuse the table.
 * - gRFC A36: an action that is no route ends the call: as "no route" here.
 * - gRFC A31: the time limit of a call is `max_stream_duration` alone; `timeout` is not read.
 * - gRFC A41: in RBAC there is no metadata, no SNI and no `te` field.
 * - gRFC A42: of hash policies only fields and `io.grpc.channel_id` count.
 * - gRFC A44: only gRPC conditions are retried.
 * - gRFC A106: matcher trees are at most 16 deep.
 */

/** How deep a matcher tree may be. */
export const grpcTreeDepth = 16;

/** The filter state that counts in a hash policy. */
export const grpcChannelId = "io.grpc.channel_id";

/** What gRPC says a field holds, whatever was sent: a value, or nothing; `undefined` where it has no rule. */
export function grpcField(name: string): { readonly value: string | undefined } | undefined {
  if (name === "content-type") return { value: "application/grpc" };
  return name.endsWith("-bin") || name === "te" ? { value: undefined } : undefined;
}

/** Whether gRPC passes a route over, whatever the request is. */
export function grpcSkips(match: RouteMatch | undefined, action: RouteAction | undefined): boolean {
  return (match?.queryParameters ?? []).length > 0 || action?.clusterHeader !== undefined;
}

/** The part of a match that gRPC looks at; path specifiers that it does not know are reported. */
export function grpcMatch(match: RouteMatch, scope: Scope): RouteMatch {
  const unknown = {
    path_separated_prefix: match.pathSeparatedPrefix,
    connect_matcher: match.connectMatcher,
    path_match_policy: match.pathMatchPolicy,
  };
  for (const [field, value] of Object.entries(unknown)) {
    if (value !== undefined)
      scope.field(field).report("ERR_ROUTER_UNSUPPORTED", "gRPC does not know this path specifier");
  }
  const { grpc, tlsContext, dynamicMetadata, filterState, cookies, ...known } = match;
  return known;
}
