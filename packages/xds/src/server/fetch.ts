import type { Cache } from "../cache.js";
import type { NodeIdentity } from "../node.js";
import type { SotwRequest } from "../wire/request.js";
import type { OutgoingResponse } from "../wire/response.js";
import { covers, NO_SUBSCRIPTION, replaceNames } from "./subscription.js";

/**
 * Answers a single request, as unary gRPC and REST make them (V3): always state of the world, nobody acknowledges.
 *
 * @returns `"unchanged"` if the client has the version already, `undefined` if nothing was ever published for it.
 */
export function fetchResources(
  cache: Cache,
  node: NodeIdentity,
  request: Pick<SotwRequest, "typeUrl" | "resourceNames" | "versionInfo">,
): OutgoingResponse | "unchanged" | undefined {
  const { typeUrl, resourceNames, versionInfo } = request;
  const view = cache.view(node, typeUrl);
  if (view === undefined) return undefined;
  if (versionInfo === view.version) return "unchanged";
  const { next } = replaceNames(NO_SUBSCRIPTION, typeUrl, resourceNames);
  const resources = [...view.resources.values()].filter((resource) => covers(next, resource));
  return { version: view.version, typeUrl, nonce: "", resources, removed: [] };
}
