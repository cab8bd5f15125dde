import { urlOf } from "./type-url.js";

/** A resource of the xDS API: a message with the name that clients ask for. */
export interface Resource {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** What clients subscribe to; for a ClusterLoadAssignment its `cluster_name`. */
  readonly name: string;
  /** Plain data of the type. */
  readonly message: unknown;
}

/** Types served by xDS whose name is not in a field called `name`. */
const nameFields: Readonly<Record<string, string>> = {
  [urlOf("envoy.config.endpoint.v3.ClusterLoadAssignment")]: "clusterName",
};

/** The name of a resource, or the empty string if it has none. */
export function resourceName(typeUrl: string, message: unknown): string {
  const name = (message as Readonly<Record<string, unknown>>)[nameFields[typeUrl] ?? "name"];
  return typeof name === "string" ? name : "";
}
