/** Clusters as messages, for tests of how they are read. */
import { LbError, optionsFromXds } from "@weftmesh/lb";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";

export const POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies";

export function endpoint(address: string, port = 80): object {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

export const STATIC = {
  name: "shop",
  type: "STATIC",
  load_assignment: {
    cluster_name: "shop",
    endpoints: [{ lb_endpoints: [endpoint("10.0.0.1"), endpoint("10.0.0.2")] }],
  },
};

/** The cases are spread together, which the exact types of a oneof do not follow. */
export function read(cluster: object): Cluster {
  return Cluster.fromJson(cluster as ClusterJson);
}

export function policies(...configs: readonly object[]): object {
  return {
    ...STATIC,
    load_balancing_policy: {
      policies: configs.map((typed_config) => ({ typed_extension_config: { name: "p", typed_config } })),
    },
  };
}

/** The only policy of a list inside another policy. */
export function child(type: string): object {
  const typed_config = { "@type": `${POLICIES}.${type}` };
  return { policies: [{ typed_extension_config: { name: "c", typed_config } }] };
}

export function issuesOf(cluster: object): string[] {
  try {
    optionsFromXds(read(cluster), undefined);
    return [];
  } catch (error) {
    if (!(error instanceof LbError)) throw error;
    return error.issues.map((issue) => `${issue.path} ${issue.code}`);
  }
}
