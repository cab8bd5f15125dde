import { messageType, openAny as openKnown, typeNameOf, XdsTypesError } from "@weftmesh/xds-types";
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
  try {
    return openKnown(any).message;
  } catch (error) {
    if (error instanceof XdsTypesError && error.issues.every(({ code }) => code === "ERR_XDS_TYPES_UNKNOWN_TYPE")) {
      return undefined;
    }
    throw error;
  }
};

/** Encodes a message of any type of the schema. */
export function encodeMessage(typeUrl: string, message: unknown): Uint8Array {
  return messageType<unknown, unknown>(typeNameOf(typeUrl)).encode(message);
}
