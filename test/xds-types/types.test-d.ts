import type { Cluster, ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { RouteMatch } from "@weftmesh/xds-types/envoy/config/route/v3";

export const fine: RouteMatch = { prefix: "/", caseSensitive: false };
export const either: ClusterJson = { connect_timeout: "1s", lbPolicy: "MAGLEV" };

// @ts-expect-error two members of a oneof
export const both: RouteMatch = { prefix: "/", path: "/x" };
// @ts-expect-error a field the message does not have
export const unknownField: Cluster = { nam: "c" };
// @ts-expect-error a name the enum does not have
export const wrongEnum: Cluster = { lbPolicy: "ROUND_ROBBIN" };
// @ts-expect-error a name the enum does not have, as people write it
export const wrongEnumJson: ClusterJson = { lb_policy: "ROUND_ROBBIN" };
// @ts-expect-error messages are readonly
(fine as { -readonly [K in keyof RouteMatch]: RouteMatch[K] } & RouteMatch).prefix = 1;
