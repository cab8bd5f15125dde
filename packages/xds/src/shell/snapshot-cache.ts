import type { SnapshotCache } from "../cache.js";
import type { NodeIdentity } from "../node.js";

/**
 * Makes an empty cache.
 *
 * @param options - `nodeKey` names the snapshot a client gets. Default: its node id.
 */
export declare function createSnapshotCache(options?: {
  readonly nodeKey?: (node: NodeIdentity) => string;
}): SnapshotCache;
