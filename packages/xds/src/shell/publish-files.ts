import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiscoveryResponse } from "@weftmesh/xds-types/envoy/service/discovery/v3";
import type { Cache, TypeView } from "../cache.js";
import { DISCOVERY_TYPES } from "../discovery-types.js";
import type { NodeIdentity } from "../node.js";

/**
 * Keeps a folder at what one node is to have, for clients whose source is `path_config_source` (V4): a `DiscoveryResponse`
 * in ProtoJSON for each type that has resources, named `cds.json`, `eds.json`, …. Each is written beside its place and then
 * moved onto it, because clients read on moves.
 *
 * @param node - Whose resources.
 * @param folder - Made if it is not there.
 * @returns Disposing ends the publishing; the files stay.
 * @throws what the file system throws on the first writing; later failures go to `onError`.
 */
export function publishFiles(
  cache: Cache,
  node: NodeIdentity,
  folder: string,
  onError: (error: unknown) => void = () => {},
): Disposable {
  const written = new Map<string, TypeView>();
  const publish = (): void => {
    for (const { typeUrl, short } of DISCOVERY_TYPES) {
      const view = cache.view(node, typeUrl);
      if (view === undefined || view === written.get(typeUrl)) continue;
      if (view.resources.size === 0 && !written.has(typeUrl)) continue;
      const file = join(folder, `${short.toLowerCase()}.json`);
      const resources = [...view.resources.values()].map(({ value }) => ({ typeUrl, value }));
      const message = { versionInfo: view.version, typeUrl, resources };
      writeFileSync(`${file}.new`, `${JSON.stringify(DiscoveryResponse.toJson(message), undefined, 2)}\n`);
      renameSync(`${file}.new`, file);
      written.set(typeUrl, view);
    }
  };
  mkdirSync(folder, { recursive: true });
  publish();
  return cache.subscribe(node, () => {
    try {
      publish();
    } catch (error) {
      onError(error);
    }
  });
}
