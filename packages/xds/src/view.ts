import type { TypeView } from "./cache.js";
import type { EncodedResource } from "./resource.js";

/** Turns text into a short digest; injected because hashing is the platform's. */
export type Digest = (text: string | Uint8Array) => string;

/** What separates two views of one type. */
export interface ViewDiff {
  /** New or different in the later view. */
  readonly changed: ReadonlySet<string>;
  /** In the earlier view only. */
  readonly removed: ReadonlySet<string>;
}

/**
 * Makes a view.
 *
 * @param version - Default: a digest over all names and versions, so that equal content has an equal version everywhere.
 */
export function createView(
  typeUrl: string,
  resources: ReadonlyMap<string, EncodedResource>,
  digest: Digest,
  version?: string,
): TypeView {
  let known = version;
  return {
    typeUrl,
    resources,
    // A publisher that changes things faster than they are sent pays for the versions that are seen.
    get version() {
      known ??= digestOf(resources, digest);
      return known;
    },
  };
}

function digestOf(resources: ReadonlyMap<string, EncodedResource>, digest: Digest): string {
  const lines: string[] = [];
  // JSON keeps the boundary between name and version apart whatever the two hold.
  for (const { name, version } of resources.values()) lines.push(JSON.stringify([name, version]));
  return digest(lines.sort().join("\n"));
}

// All streams of a node, and all nodes of a linear cache, move between the same two views: the difference is found once.
const known: WeakMap<TypeView, WeakMap<TypeView, ViewDiff>> = new WeakMap();

/** The difference between two views; found once for each pair, however many streams ask. */
export function viewDiff(from: TypeView, to: TypeView): ViewDiff {
  let row = known.get(from);
  if (row === undefined) {
    row = new WeakMap();
    known.set(from, row);
  }
  let diff = row.get(to);
  if (diff === undefined) {
    diff = compare(from, to);
    row.set(to, diff);
  }
  return diff;
}

function compare(from: TypeView, to: TypeView): ViewDiff {
  const changed = new Set<string>();
  const removed = new Set<string>();
  for (const [name, resource] of to.resources) {
    const before = from.resources.get(name);
    if (before !== resource && before?.version !== resource.version) changed.add(name);
  }
  for (const name of from.resources.keys()) if (!to.resources.has(name)) removed.add(name);
  return { changed, removed };
}
