import type { Cluster } from "../cluster.js";
import { LbError } from "../errors.js";
import type { NoHostReason } from "../pick.js";

/** What an adapter throws when a cluster has no host for its request. */
export function noHost({ name }: Cluster, reason: NoHostReason): LbError {
  return new LbError([{ code: "ERR_LB_NO_HOST", path: name || "cluster", message: `no host: ${reason}` }]);
}
