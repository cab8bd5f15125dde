import type { Cache } from "./cache.js";
import type { NodeIdentity } from "./node.js";

/**
 * One cache in front of several: which one answers depends on the type, and on the node if need be.
 *
 * @param select - The cache for a type; `undefined` leaves requests unanswered. The same arguments must always select the
 *   same cache.
 * @param caches - All that may be selected; their changes are passed on.
 */
export function muxCache(
  select: (typeUrl: string, node: NodeIdentity) => Cache | undefined,
  caches: readonly Cache[],
): Cache {
  return {
    view: (node, typeUrl) => select(typeUrl, node)?.view(node, typeUrl),
    subscribe(node, changed) {
      const interests = caches.map((cache) => cache.subscribe(node, changed));
      return {
        [Symbol.dispose]() {
          for (const interest of interests) interest[Symbol.dispose]();
        },
      };
    },
  };
}
