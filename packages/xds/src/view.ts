import type { TypeView } from "./cache.js";
import { nameOfVariant } from "./dynamic-parameters.js";
import type { EncodedResource } from "./resource.js";
import { globOf } from "./xdstp.js";

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

const NOTHING: readonly EncodedResource[] = [];

// Built when a name is asked for that no resource has: most views never need it.
const others: WeakMap<TypeView, ReadonlyMap<string, readonly EncodedResource[]>> = new WeakMap();

/** The resources that have a name as an alias (D11), or lie directly under it if it is a glob (N5). */
export function resourcesUnder(view: TypeView, name: string): readonly EncodedResource[] {
  let known = others.get(view);
  if (known === undefined) {
    const built = new Map<string, EncodedResource[]>();
    for (const resource of view.resources.values()) {
      for (const other of otherNames(resource)) {
        const list = built.get(other);
        if (list === undefined) built.set(other, [resource]);
        else list.push(resource);
      }
    }
    known = built;
    others.set(view, known);
  }
  return known.get(name) ?? NOTHING;
}

/** Whether anything in a view answers to a name. */
export function answersTo(view: TypeView, name: string): boolean {
  return view.resources.has(name) || resourcesUnder(view, name).length > 0;
}

/** The names besides its own that a subscription to which covers a resource. */
export function otherNames({
  name,
  aliases = [],
}: {
  readonly name: string;
  readonly aliases?: readonly string[] | undefined;
}): readonly string[] {
  const base = nameOfVariant(name);
  const glob = globOf(base);
  if (base === name) return glob === undefined ? aliases : [...aliases, glob];
  return [...aliases, base, ...(glob === undefined ? [] : [glob])];
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
