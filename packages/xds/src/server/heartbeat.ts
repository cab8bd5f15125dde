import type { TypeView } from "../cache.js";
import type { NodeIdentity } from "../node.js";
import type { BodilessResource } from "../wire/response.js";
import { heldVersion } from "./held.js";
import { covers } from "./subscription.js";
import type { TypeState } from "./type-state.js";

/** How often a resource is renewed within its time to live, so that two lost heartbeats do no harm. */
const BEATS_PER_TTL = 3;

/** Whether a client understands a time to live. */
export function supportsTtl(node: NodeIdentity): boolean {
  return node.clientFeatures?.includes("xds.config.supports-resource-ttl") ?? false;
}

// All streams of a view share the answer.
const shortest: WeakMap<TypeView, number> = new WeakMap();

/** When the next heartbeat of a view is due; `undefined` if nothing in it has a time to live. */
export function nextBeat(view: TypeView, now: number): number | undefined {
  let ttl = shortest.get(view);
  if (ttl === undefined) {
    ttl = Number.POSITIVE_INFINITY;
    for (const { ttlMs = ttl } of view.resources.values()) ttl = Math.min(ttl, ttlMs);
    shortest.set(view, ttl);
  }
  return ttl === Number.POSITIVE_INFINITY ? undefined : now + ttl / BEATS_PER_TTL;
}

/** The heartbeats of what a client holds: name, version and time to live without a body (E5). */
export function heartbeats(type: TypeState, view: TypeView): readonly BodilessResource[] {
  const beats: BodilessResource[] = [];
  for (const resource of view.resources.values()) {
    const { name, version, ttlMs } = resource;
    if (ttlMs === undefined || !covers(type.subscription, resource) || heldVersion(type.held, name) !== version)
      continue;
    beats.push({ name, version, ttlMs });
  }
  return beats;
}
