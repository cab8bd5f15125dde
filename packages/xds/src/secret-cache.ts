import type { Cache, TypeView } from "./cache.js";
import { TYPE_URL } from "./discovery-types.js";
import type { NodeIdentity } from "./node.js";
import type { EncodedResource } from "./resource.js";
import type { Encoder } from "./snapshot-cache.js";
import { createView, type Digest } from "./view.js";

/** Secrets by name, with word of their changes. `secretSource` of `@weftmesh/cert` is one. */
export interface SecretSupply {
  /** The secret of that name now: an `envoy.extensions.transport_sockets.tls.v3.Secret` as plain data. */
  get(name: string): unknown;
  /** The names there are. */
  names(): readonly string[];
  /** Calls `listener` after each change; disposing ends it. */
  watch(listener: () => void): Disposable;
}

/** What {@link secretCache} needs of its surroundings. */
export interface SecretCacheParts {
  /** Decides who gets which secret. */
  readonly allow: (node: NodeIdentity, name: string) => boolean;
  /** Encodes and versions a message. */
  readonly encode: Encoder;
  /** Makes versions from content. */
  readonly digest: Digest;
}

/** A cache that serves secrets by SDS; `createSecretCache` is this with the platform's parts. */
export function secretCache(supply: SecretSupply, { allow, encode, digest }: SecretCacheParts): Cache {
  // Clients that may have the same secrets share a view. A change begins anew.
  let views = new Map<string, TypeView>();
  supply.watch(() => {
    views = new Map();
  });
  return {
    view(node, typeUrl) {
      if (typeUrl !== TYPE_URL.secret) return undefined;
      const names = supply.names().filter((name) => allow(node, name));
      const key = JSON.stringify(names);
      let view = views.get(key);
      if (view === undefined) {
        const resources = new Map<string, EncodedResource>();
        for (const name of names) {
          const message = supply.get(name);
          if (message !== undefined) resources.set(name, encode({ typeUrl, name, message }));
        }
        view = createView(typeUrl, resources, digest);
        views.set(key, view);
      }
      return view;
    },
    subscribe: (_node, changed) => supply.watch(() => changed([TYPE_URL.secret])),
  };
}
