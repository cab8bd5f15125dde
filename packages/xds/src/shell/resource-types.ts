import { unpack } from "@weftmesh/xds-types";
import { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import { Secret } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";
import type { OpenAny } from "../references.js";
import type { ResourceType } from "../resource.js";

/** The types a client can judge without being given them by a watch. */
export const CONFIG_RESOURCE_TYPES: readonly ResourceType<unknown>[] = [
  Cluster,
  ClusterLoadAssignment,
  Listener,
  RouteConfiguration,
  Secret,
] as readonly ResourceType<unknown>[];

/** Opens an `Any` whose type the schema has. */
export const openAny: OpenAny = (any) => {
  const opened = unpack(any);
  return "message" in opened ? opened.message : undefined;
};
