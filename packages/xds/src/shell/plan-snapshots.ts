import { type ChangePlan, type Planned, planChange } from "../change-plan.js";
import type { EncodedResource, MessageResource } from "../resource.js";
import { resourceEncoder } from "./resource-encoder.js";

/**
 * Computes how clients would be taken from one snapshot to another, without doing it. `formatPlan` prints it.
 */
export function planSnapshots(
  from: readonly (MessageResource | EncodedResource)[],
  to: readonly (MessageResource | EncodedResource)[],
): ChangePlan {
  const encode = resourceEncoder();
  const planned = (resource: MessageResource | EncodedResource): Planned => {
    const { typeUrl, name, version, references = [] } = "value" in resource ? resource : encode(resource);
    return { typeUrl, name, version, references };
  };
  return planChange(from.map(planned), to.map(planned));
}
