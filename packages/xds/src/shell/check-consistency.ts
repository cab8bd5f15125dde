import { type ConsistencyFinding, checkReferences } from "../consistency.js";
import { referencesOf } from "../references.js";
import type { EncodedResource, MessageResource } from "../resource.js";
import { openAny } from "./resource-types.js";

/**
 * Checks that everything the resources of a snapshot refer to is in it, and reports what nothing refers to (O6). All
 * findings at once, each with the resource and the path of the reference. A finding does not keep a snapshot from being
 * published: a cluster may come from another source.
 */
export function checkConsistency(
  resources: readonly (MessageResource | EncodedResource)[],
): readonly ConsistencyFinding[] {
  return checkReferences(
    resources.map((resource) => ({
      typeUrl: resource.typeUrl,
      name: resource.name,
      references:
        "message" in resource ? referencesOf(resource.typeUrl, resource.message, openAny) : (resource.references ?? []),
    })),
  );
}
