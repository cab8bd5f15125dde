/** Our side: the same messages, read as a user's file is read. */
import { createCluster, endpointsFromXds, optionsFromXds } from "@weftmesh/lb";
import { manualScheduler } from "@weftmesh/lb/testing";
import { Cluster, type ClusterJson } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import { ClusterLoadAssignment, type ClusterLoadAssignmentJson } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Json } from "./rig.js";

type Options = ReturnType<typeof optionsFromXds>;
type OurCluster = ReturnType<typeof createCluster>;

/** The options of a cluster whose endpoints come with it or from EDS. */
export function optionsOf(cluster: Json, assignment?: Json): Options {
  const message = Cluster.fromJson(cluster as ClusterJson);
  const issues = Cluster.check(message).filter((issue) => issue.severity !== "warning");
  if (issues.length > 0) throw new Error(issues.map((issue) => `${issue.path}: ${issue.message}`).join("; "));
  return optionsFromXds(message, assignment && messageOf(assignment));
}

/** The endpoints of an EDS message. */
export function endpointsOf(assignment: Json): ReturnType<typeof endpointsFromXds> {
  return endpointsFromXds(messageOf(assignment));
}

/** A cluster with these options whose every draw is `random`. */
export function clusterOf(options: Options, random: () => number): OurCluster {
  return createCluster(options, { clock: manualScheduler(), random });
}

/** The address a cluster chooses; `-` for none, as Envoy prints it. */
export function pick(cluster: OurCluster, context: Parameters<OurCluster["pick"]>[0] = {}): string {
  const picked = cluster.pick(context);
  if (picked.kind === "none") return "-";
  // Nobody listens, so no answer comes: the request ends without having taught anything.
  picked.done({ result: "aborted" });
  return picked.host.address;
}

function messageOf(assignment: Json): ClusterLoadAssignment {
  return ClusterLoadAssignment.fromJson({ cluster_name: "x", ...assignment } as ClusterLoadAssignmentJson);
}
