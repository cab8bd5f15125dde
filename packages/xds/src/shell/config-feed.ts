import { assemble, REFERENCED_TYPES } from "../client/assembly.js";
import type { ClientType } from "../client/entry.js";
import type { WatchInterest } from "../client/watch-update.js";
import type { ConfigSet } from "../config-set.js";
import { TYPE_URL } from "../discovery-types.js";
import type { Reference } from "../resource.js";
import { Feed } from "./feed.js";

/** What a feed of sets needs of its client. */
export interface ConfigFeedParts {
  /** The state of a type. */
  readonly type: (typeUrl: string) => ClientType | undefined;
  /** What a message refers to. */
  readonly references: (typeUrl: string, message: unknown) => readonly Reference[];
  /** Sets what this feed wants of a type; `undefined` takes the wish back. */
  readonly want: (typeUrl: string, interest: WatchInterest | undefined) => void;
}

/** The types a set is made of, listeners and clusters first. */
export const CONFIG_TYPES: readonly string[] = [TYPE_URL.cluster, TYPE_URL.listener, ...REFERENCED_TYPES];

/** A feed of complete sets, and what to call when one of {@link CONFIG_TYPES} changed. */
export function configFeed(parts: ConfigFeedParts): { readonly feed: Feed<ConfigSet>; readonly changed: () => void } {
  let assembled: ConfigSet | undefined;
  let yielded: ConfigSet | undefined;
  let dirty = false;
  let ended = false;

  const feed = new Feed<ConfigSet>(
    () => {
      if (assembled === undefined || assembled === yielded) return undefined;
      yielded = assembled;
      return assembled;
    },
    () => {
      ended = true;
      for (const typeUrl of CONFIG_TYPES) parts.want(typeUrl, undefined);
    },
  );

  function changed(): void {
    if (dirty) return;
    dirty = true;
    // Responses that arrive together make one set; asking for more changes the state this is called from.
    queueMicrotask(() => {
      dirty = false;
      if (ended) return;
      const { set, wanted } = assemble(assembled, parts, yielded);
      assembled = set;
      for (const [typeUrl, names] of wanted) parts.want(typeUrl, { wildcard: false, names });
      feed.wake();
    });
  }

  const everything: WatchInterest = { wildcard: true, names: new Set() };
  parts.want(TYPE_URL.cluster, everything);
  parts.want(TYPE_URL.listener, everything);
  return { feed, changed };
}
