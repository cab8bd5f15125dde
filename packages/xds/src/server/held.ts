import type { TypeView } from "../cache.js";
import type { EncodedResource } from "../resource.js";
import { resourcesUnder, viewDiff } from "../view.js";
import { covers, type Subscription } from "./subscription.js";

/**
 * What a client is believed to hold of one type: of what it subscribes to, everything in `base`, except where `patch` says
 * another version, or `undefined` for "not held, or not surely".
 *
 * Most of the time `base` is the current view and `patch` is empty, so a thousand idle streams share one map and a push
 * costs each of them only what changed.
 */
export interface Held {
  /** The view the client was last brought to. */
  readonly base: TypeView | undefined;
  /** Exceptions, by name. */
  readonly patch: ReadonlyMap<string, string | undefined>;
}

/** What has to be sent to bring a client to a view. */
export interface Difference {
  /** To send, in the view's order. */
  readonly changed: readonly EncodedResource[];
  /** Held, or asked for by name, and not in the view. */
  readonly removed: readonly string[];
}

const NO_PATCH: ReadonlyMap<string, string | undefined> = new Map();

/** Holds nothing. */
export const NOTHING_HELD: Held = { base: undefined, patch: NO_PATCH };

/** Holds what a view has. */
export function holding(view: TypeView): Held {
  return { base: view, patch: NO_PATCH };
}

/** The version held of a name, if any. */
export function heldVersion(held: Held, name: string): string | undefined {
  return held.patch.has(name) ? held.patch.get(name) : held.base?.resources.get(name)?.version;
}

/** Says that names are not surely held, so that they are sent or reported at the next opportunity. */
export function forget(held: Held, names: Iterable<string>): Held {
  const patch = new Map(held.patch);
  for (const name of names) patch.set(name, undefined);
  return patch.size === held.patch.size && patch.size === 0 ? held : { base: held.base, patch };
}

/** Says which versions of names are held. */
export function remember(held: Held, versions: Iterable<readonly [string, string]>): Held {
  const patch = new Map(held.patch);
  for (const [name, version] of versions) patch.set(name, version);
  return { base: held.base, patch };
}

/** What separates a client from a view. */
export function difference(held: Held, view: TypeView, subscription: Subscription): Difference {
  const candidates = candidateNames(held, view, subscription);
  const changed: EncodedResource[] = [];
  const removed: string[] = [];
  let byOtherName = false;
  for (const name of candidates) {
    const resource = view.resources.get(name);
    if (resource !== undefined) {
      if (heldVersion(held, name) !== resource.version && covers(subscription, resource)) changed.push(resource);
      continue;
    }
    const under = resourcesUnder(view, name);
    if (under.length > 0) {
      // An alias or a glob that was asked for is answered with all it stands for.
      const asked = held.patch.has(name);
      const due = under.filter((one) => {
        // What the client said it holds of it is not sent again (D3).
        return (asked ? held.patch.get(one.name) : heldVersion(held, one.name)) !== one.version;
      });
      changed.push(...due.filter((one) => covers(subscription, one)));
      byOtherName ||= due.length > 0;
      continue;
    }
    const before = held.base?.resources.get(name);
    // A patch of undefined without a resource is a name that was asked for and is owed an answer.
    if (covers(subscription, before ?? { name }) && (held.patch.has(name) || before !== undefined)) removed.push(name);
  }
  return { changed: byOtherName ? [...new Set(changed)] : changed, removed };
}

/** The names that may differ; everything else is known to be equal without a look. */
function candidateNames(held: Held, view: TypeView, subscription: Subscription): Iterable<string> {
  const { base, patch } = held;
  if (base === view) return patch.keys();
  if (base !== undefined) {
    const diff = viewDiff(base, view);
    if (patch.size === 0 && diff.removed.size === 0) return diff.changed;
    return new Set([...diff.changed, ...diff.removed, ...patch.keys()]);
  }
  const wanted = subscription.wildcard ? view.resources.keys() : subscription.names;
  return patch.size === 0 ? wanted : new Set([...wanted, ...patch.keys()]);
}
