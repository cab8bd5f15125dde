import type { NodeIdentity } from "./node.js";
import type { EncodedResource, MessageResource } from "./resource.js";

/** All resources of one type as one client sees them. Immutable; a change makes a new view. */
export interface TypeView {
  /** The type all of them have. */
  readonly typeUrl: string;
  /** Derived from the names and versions inside, unless the publisher named it. */
  readonly version: string;
  /** By resource name. */
  readonly resources: ReadonlyMap<string, EncodedResource>;
}

/** Where a server takes its resources from. Implemented by the caches of this package; anything may implement it. */
export interface Cache {
  /**
   * The resources of a type for a client; `undefined` as long as nothing was ever published for it. Called often: it must
   * be quick, and give the same object while nothing changed.
   */
  view(node: NodeIdentity, typeUrl: string): TypeView | undefined;
  /**
   * Registers interest in one client's resources. `changed` is called with the types that may have changed, or without an
   * argument if any may, synchronously; it must be quick. The server then asks {@link Cache.view} when it is ready to send.
   * Disposing ends the interest.
   */
  subscribe(node: NodeIdentity, changed: (typeUrls?: readonly string[]) => void): Disposable;
}

/** What one client is to have, of every type. */
export interface Snapshot {
  /** All resources; types may be mixed in any order. */
  readonly resources: readonly (MessageResource | EncodedResource)[];
  /** Names the version of a type instead of deriving it from the content, by type URL. Default: derived. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** What a call of {@link SnapshotCache.set} did, in resource terms. */
export interface SnapshotChange {
  /** One entry for each type that changed at all. */
  readonly types: readonly TypeChange[];
}

/** What changed in one type. */
export interface TypeChange {
  /** The type. */
  readonly typeUrl: string;
  /** The version it has now. */
  readonly version: string;
  /** Names that were not there before. */
  readonly added: readonly string[];
  /** Names whose content differs. */
  readonly updated: readonly string[];
  /** Names that are gone. */
  readonly removed: readonly string[];
}

/** A cache that holds one snapshot for each node key. */
export interface SnapshotCache extends Cache {
  /**
   * Publishes what the clients of a node key are to have from now on. Resources that are equal to the previous snapshot's
   * are recognised and not sent again.
   *
   * @param node - The node key; by default a node's `id`.
   * @throws {@link XdsError} `ERR_XDS_SNAPSHOT_INVALID` if two resources of one type share a name, or one has none.
   */
  set(node: string, snapshot: Snapshot | readonly (MessageResource | EncodedResource)[]): SnapshotChange;
  /** Forgets a node key. Connected clients keep what they have and are sent nothing until the next `set`. */
  clear(node: string): void;
  /** The views of a node key by type URL; empty when nothing was published. */
  get(node: string): ReadonlyMap<string, TypeView>;
  /** The node keys that have a snapshot. */
  nodes(): readonly string[];
}
