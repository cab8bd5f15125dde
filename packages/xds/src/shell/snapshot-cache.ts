import type { SnapshotCache } from "../cache.js";
import type { NodeIdentity } from "../node.js";
import { snapshotCache } from "../snapshot-cache.js";
import { digest } from "./digest.js";
import { resourceEncoder } from "./resource-encoder.js";

/**
 * Makes an empty cache of snapshots.
 *
 * @param options - `nodeKey` names the snapshot a client gets. Default: its node id.
 */
export function createSnapshotCache(options?: { readonly nodeKey?: (node: NodeIdentity) => string }): SnapshotCache {
  return snapshotCache({ nodeKey: options?.nodeKey ?? (({ id }) => id), encode: resourceEncoder(), digest });
}
