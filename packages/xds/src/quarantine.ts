import type { Cache, TypeView } from "./cache.js";
import type { NodeIdentity } from "./node.js";
import type { EncodedResource } from "./resource.js";
import { createView, type Digest } from "./view.js";
import type { ServerEvent } from "./xds-server.js";

/** When a version of a resource is taken out of circulation, and who sees new ones first. */
export interface QuarantineConfig {
  /** Refusals by different nodes after which a version is fenced. Default 1. */
  readonly afterRefusals?: number;
  /** Nodes that get new versions first. Default: everybody does. */
  readonly canary?: (node: NodeIdentity) => boolean;
  /** Canary nodes that must accept a new version before the others get it. Default 1. */
  readonly afterAcceptances?: number;
  /** Told when a version is fenced. Must not throw. */
  readonly onFenced?: (fenced: FencedVersion) => void;
}

/** A version that nobody is given any more. */
export interface FencedVersion {
  /** The type. */
  readonly typeUrl: string;
  /** The resource. */
  readonly name: string;
  /** The version that was refused. */
  readonly version: string;
  /** The version everybody gets instead; absent if none was ever accepted, and the resource is then left out. */
  readonly lastGood?: string;
  /** Who refused it. */
  readonly refusedBy: readonly string[];
}

/** A cache in front of another that withholds what was refused, or not proven yet. */
export interface QuarantineCache extends Cache {
  /** To be called with the events of the server that serves this cache. */
  readonly onEvent: (event: ServerEvent) => void;
  /** What is fenced now. */
  fenced(): readonly FencedVersion[];
}

interface Trial {
  readonly refusedBy: Set<string>;
  readonly acceptedBy: Set<string>;
}

/**
 * Quarantine and roll-back: a version that clients refuse is replaced by the last one that was accepted, for everybody, and
 * all other resources keep flowing. A new version of the resource lifts the fence. `createQuarantine` is this with the
 * platform's digest.
 */
export function quarantineCache(cache: Cache, config: QuarantineConfig, digest: Digest): QuarantineCache {
  const { afterRefusals = 1, afterAcceptances = 1, canary, onFenced = () => {} } = config;
  const trials = new Map<string, Map<string, Trial>>();
  const fences = new Map<string, FencedVersion>();
  const good = new Map<string, EncodedResource>();
  const sent = new Map<string, readonly EncodedResource[]>();
  const listeners = new Set<(typeUrls?: readonly string[]) => void>();
  let made: WeakMap<TypeView, { canary?: TypeView; others?: TypeView }> = new WeakMap();

  function isProven(resource: EncodedResource): boolean {
    const key = keyOf(resource);
    return good.get(key)?.version === resource.version || accepted(key, resource.version) >= afterAcceptances;
  }

  function accepted(key: string, version: string): number {
    return trials.get(key)?.get(version)?.acceptedBy.size ?? 0;
  }

  function withheld(resource: EncodedResource, first: boolean): boolean {
    return fences.get(keyOf(resource))?.version === resource.version || (!first && !isProven(resource));
  }

  function shown(view: TypeView, first: boolean): TypeView {
    if (![...view.resources.values()].some((resource) => withheld(resource, first))) return view;
    const resources = new Map<string, EncodedResource>();
    for (const [name, resource] of view.resources) {
      const kept = withheld(resource, first) ? good.get(keyOf(resource)) : resource;
      if (kept !== undefined) resources.set(name, kept);
    }
    return createView(view.typeUrl, resources, digest);
  }

  function changed(typeUrl: string): void {
    made = new WeakMap();
    for (const listener of [...listeners]) listener([typeUrl]);
  }

  function trialOf(resource: EncodedResource): Trial {
    const key = keyOf(resource);
    let versions = trials.get(key);
    if (versions === undefined) {
      versions = new Map();
      trials.set(key, versions);
    }
    let trial = versions.get(resource.version);
    if (trial === undefined) {
      // Only the newest version is on trial: what came before it is good, fenced, or gone.
      versions.clear();
      trial = { refusedBy: new Set(), acceptedBy: new Set() };
      versions.set(resource.version, trial);
    }
    return trial;
  }

  function accept(node: NodeIdentity, resources: readonly EncodedResource[]): void {
    let proven: string | undefined;
    for (const resource of resources) {
      const key = keyOf(resource);
      const before = good.get(key);
      if (before?.version === resource.version || fences.get(key)?.version === resource.version) continue;
      const trial = trialOf(resource);
      if (canary === undefined || canary(node)) trial.acceptedBy.add(node.id);
      if (canary !== undefined && trial.acceptedBy.size < afterAcceptances) continue;
      good.set(key, resource);
      if (canary !== undefined) proven = resource.typeUrl;
    }
    if (proven !== undefined) changed(proven);
  }

  function refuse(node: NodeIdentity, resources: readonly EncodedResource[]): void {
    for (const resource of resources) {
      const key = keyOf(resource);
      // What was good for one client is no reason to take it from the others.
      if (good.get(key)?.version === resource.version) continue;
      const { refusedBy } = trialOf(resource);
      refusedBy.add(node.id);
      if (refusedBy.size < afterRefusals || fences.get(key)?.version === resource.version) continue;
      const { typeUrl, name, version } = resource;
      const lastGood = good.get(key)?.version;
      const fence = {
        typeUrl,
        name,
        version,
        refusedBy: [...refusedBy],
        ...(lastGood === undefined ? {} : { lastGood }),
      };
      fences.set(key, fence);
      onFenced(fence);
      changed(typeUrl);
    }
  }

  const self: QuarantineCache = {
    view(node, typeUrl) {
      const view = cache.view(node, typeUrl);
      if (view === undefined) return undefined;
      const first = canary === undefined || canary(node);
      let pair = made.get(view);
      if (pair === undefined) {
        pair = {};
        made.set(view, pair);
      }
      const kind = first ? "canary" : "others";
      pair[kind] ??= shown(view, first);
      return pair[kind];
    },
    subscribe(node, listener) {
      listeners.add(listener);
      const interest = cache.subscribe(node, listener);
      return {
        [Symbol.dispose]() {
          listeners.delete(listener);
          interest[Symbol.dispose]();
        },
      };
    },
    fenced: () => [...fences.values()],
    onEvent(event) {
      if (event.kind === "sent") {
        const view = self.view(event.node, event.typeUrl);
        const resources = event.resources.flatMap((name) => view?.resources.get(name) ?? []);
        sent.set(`${event.stream} ${event.nonce}`, resources);
      } else if (event.kind === "ack" || event.kind === "nack") {
        const { nonce } = event.kind === "ack" ? event : event.nack;
        const key = `${event.stream} ${nonce}`;
        const resources = sent.get(key) ?? [];
        sent.delete(key);
        if (event.kind === "ack") accept(event.node, resources);
        else {
          const named = new Set(event.nack.reasons.map(({ resource }) => resource));
          refuse(
            event.nack.node,
            resources.filter(({ name }) => named.has(name)),
          );
        }
      } else if (event.kind === "disconnected") {
        for (const key of [...sent.keys()]) if (key.startsWith(`${event.stream} `)) sent.delete(key);
      }
    },
  };
  return self;
}

function keyOf({ typeUrl, name }: Pick<EncodedResource, "typeUrl" | "name">): string {
  return `${typeUrl} ${name}`;
}
