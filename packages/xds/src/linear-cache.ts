import type { Cache, TypeView } from "./cache.js";
import { variantName } from "./dynamic-parameters.js";
import { XdsError } from "./errors.js";
import type { EncodedResource, MessageResource } from "./resource.js";
import type { Encoder } from "./snapshot-cache.js";
import { createView, type Digest } from "./view.js";
import { canonicalName } from "./xdstp.js";

/** A cache of one type that all clients share, changed a resource at a time. */
export interface LinearCache extends Cache {
  /**
   * Adds, replaces and removes resources in one step.
   *
   * @throws {@link XdsError} `ERR_XDS_SNAPSHOT_INVALID` for a resource of another type or without a name.
   */
  update(set: readonly (MessageResource | EncodedResource)[], remove?: readonly string[]): void;
  /** The resources as they are now. */
  current(): TypeView;
}

/** What {@link linearCache} needs of its surroundings. */
export interface LinearCacheParts {
  /** Encodes and versions a message. */
  readonly encode: Encoder;
  /** Makes the type's version from content. */
  readonly digest: Digest;
}

/** A linear cache; `createLinearCache` is this with the platform's parts. Other types than its own have no view here. */
export function linearCache(typeUrl: string, { encode, digest }: LinearCacheParts): LinearCache {
  const interested = new Set<(typeUrls?: readonly string[]) => void>();
  let view = createView(typeUrl, new Map(), digest);
  const only = [typeUrl];
  return {
    current: () => view,
    view: (_node, asked) => (asked === typeUrl ? view : undefined),
    subscribe(_node, changed) {
      interested.add(changed);
      return { [Symbol.dispose]: () => interested.delete(changed) };
    },
    update(set, remove = []) {
      const resources = new Map(view.resources);
      let differs = false;
      for (const [index, resource] of set.entries()) {
        const name = variantName(canonicalName(resource.name), resource.constraints);
        if (resource.typeUrl !== typeUrl || name === "") {
          const problem = name === "" ? "a resource without a name" : `a ${resource.typeUrl} in a cache of ${typeUrl}`;
          throw new XdsError("ERR_XDS_SNAPSHOT_INVALID", `set[${index}]`, problem);
        }
        const made = "value" in resource ? resource : encode(resource);
        const encoded = made.name === name ? made : { ...made, name };
        if (resources.get(name)?.version === encoded.version) continue;
        resources.set(name, encoded);
        differs = true;
      }
      for (const name of remove) if (resources.delete(canonicalName(name))) differs = true;
      if (!differs) return;
      view = createView(typeUrl, resources, digest);
      for (const changed of [...interested]) changed(only);
    },
  };
}
