import type { Snapshot, SnapshotCache, SnapshotChange, TypeChange, TypeView } from "./cache.js";
import { comparePushOrder } from "./discovery-types.js";
import { variantName } from "./dynamic-parameters.js";
import { XdsError } from "./errors.js";
import type { NodeIdentity } from "./node.js";
import type { EncodedResource, MessageResource } from "./resource.js";
import { createView, type Digest, viewDiff } from "./view.js";
import { canonicalName } from "./xdstp.js";

/** Turns a message into its shared encoded form. */
export type Encoder = (resource: MessageResource) => EncodedResource;

/** What {@link snapshotCache} needs of its surroundings. */
export interface SnapshotCacheParts {
  /** Names the snapshot a client gets. */
  readonly nodeKey: (node: NodeIdentity) => string;
  /** Encodes and versions a message. */
  readonly encode: Encoder;
  /** Makes type versions from content. */
  readonly digest: Digest;
}

type Views = ReadonlyMap<string, TypeView>;
type Changed = (typeUrls?: readonly string[]) => void;

/** A cache that holds one snapshot for each node key; `createSnapshotCache` is this with the platform's parts. */
export function snapshotCache({ nodeKey, encode, digest }: SnapshotCacheParts): SnapshotCache {
  const snapshots = new Map<string, Views>();
  const listeners = new Map<string, Set<Changed>>();
  // A type that a snapshot leaves out is empty, not unknown; one empty view a type keeps its identity.
  const empty = new Map<string, TypeView>();

  function emptyView(typeUrl: string): TypeView {
    let view = empty.get(typeUrl);
    if (view === undefined) {
      view = createView(typeUrl, new Map(), digest);
      empty.set(typeUrl, view);
    }
    return view;
  }

  return {
    view(node, typeUrl) {
      const views = snapshots.get(nodeKey(node));
      return views && (views.get(typeUrl) ?? emptyView(typeUrl));
    },
    subscribe(node, changed) {
      const key = nodeKey(node);
      let set = listeners.get(key);
      if (set === undefined) {
        set = new Set();
        listeners.set(key, set);
      }
      set.add(changed);
      return {
        [Symbol.dispose]() {
          set.delete(changed);
          if (set.size === 0 && listeners.get(key) === set) listeners.delete(key);
        },
      };
    },
    set(node, snapshot) {
      const { resources, versions = {} } = isSnapshot(snapshot) ? snapshot : { resources: snapshot };
      const before = snapshots.get(node);
      const after = buildViews(resources, versions, before, { encode, digest });
      snapshots.set(node, after);
      const change = compareViews(before ?? new Map(), after, emptyView);
      // A first snapshot answers whatever was asked before it, types it leaves out included.
      const typeUrls = before && change.types.map(({ typeUrl }) => typeUrl);
      if (typeUrls?.length !== 0) for (const changed of [...(listeners.get(node) ?? [])]) changed(typeUrls);
      return change;
    },
    clear(node) {
      snapshots.delete(node);
    },
    get(node) {
      return snapshots.get(node) ?? new Map();
    },
    nodes() {
      return [...snapshots.keys()];
    },
  };
}

function isSnapshot(snapshot: Snapshot | readonly (MessageResource | EncodedResource)[]): snapshot is Snapshot {
  return "resources" in snapshot;
}

function buildViews(
  resources: readonly (MessageResource | EncodedResource)[],
  versions: Readonly<Record<string, string>>,
  before: Views | undefined,
  { encode, digest }: Pick<SnapshotCacheParts, "encode" | "digest">,
): Views {
  const types = new Map<string, Map<string, EncodedResource>>();
  resources.forEach((resource, index) => {
    const { typeUrl } = resource;
    const name = variantName(canonicalName(resource.name), resource.constraints);
    const path = `resources[${index}]`;
    if (name === "") throw new XdsError("ERR_XDS_SNAPSHOT_INVALID", path, `a ${typeUrl} without a name`);
    let type = types.get(typeUrl);
    if (type === undefined) {
      type = new Map();
      types.set(typeUrl, type);
    }
    if (type.has(name)) throw new XdsError("ERR_XDS_SNAPSHOT_INVALID", path, `a second ${typeUrl} named ${name}`);
    const encoded = "value" in resource ? resource : encode(resource);
    type.set(name, encoded.name === name ? encoded : { ...encoded, name });
  });
  const views = new Map<string, TypeView>();
  for (const [typeUrl, type] of types) {
    const view = createView(typeUrl, type, digest, versions[typeUrl]);
    const old = before?.get(typeUrl);
    views.set(typeUrl, old !== undefined && isSame(old, view) ? old : view);
  }
  // A type that is left out but named has no resources under a version of the publisher's.
  for (const [typeUrl, version] of Object.entries(versions)) {
    if (!views.has(typeUrl)) views.set(typeUrl, createView(typeUrl, new Map(), digest, version));
  }
  return views;
}

function isSame(a: TypeView, b: TypeView): boolean {
  if (a.version !== b.version || a.resources.size !== b.resources.size) return false;
  const { changed, removed } = viewDiff(a, b);
  return changed.size === 0 && removed.size === 0;
}

function compareViews(before: Views, after: Views, emptyView: (typeUrl: string) => TypeView): SnapshotChange {
  const types: TypeChange[] = [];
  for (const typeUrl of [...new Set([...before.keys(), ...after.keys()])].sort(comparePushOrder)) {
    const from = before.get(typeUrl) ?? emptyView(typeUrl);
    const to = after.get(typeUrl) ?? emptyView(typeUrl);
    if (from === to) continue;
    const { changed, removed } = viewDiff(from, to);
    types.push({
      typeUrl,
      version: to.version,
      added: [...changed].filter((name) => !from.resources.has(name)),
      updated: [...changed].filter((name) => from.resources.has(name)),
      removed: [...removed],
    });
  }
  return { types };
}
