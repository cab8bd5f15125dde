import type { Metadata } from "./host.js";
import type { Policy } from "./policy.js";

/** What to do when no subset matches. */
export type SubsetFallback = "NO_FALLBACK" | "ANY_ENDPOINT" | "DEFAULT_SUBSET";

/** Metadata keys that make subsets: one for each combination of values. */
export interface SubsetSelector {
  /** Keys, in any order; at least one. */
  readonly keys: readonly string[];
  /** For requests with exactly these keys. Default: `"NOT_DEFINED"`, the cluster's own. */
  readonly fallbackPolicy?: "NOT_DEFINED" | SubsetFallback | "KEYS_SUBSET";
  /** For `"KEYS_SUBSET"`: the keys to try again with; some of `keys`, not all. */
  readonly fallbackKeysSubset?: readonly string[];
  /** One host for each value of the only key, whatever its priority and health. Default: false. */
  readonly singleHostPerSubset?: boolean;
}

/** Options of the subset policy. */
export interface SubsetOptions {
  /** Chooses within a subset. Default: `roundRobin()`. */
  readonly policy?: Policy;
  /** Which subsets there are. */
  readonly selectors: readonly SubsetSelector[];
  /** When nothing matches. Default: `"NO_FALLBACK"`. */
  readonly fallbackPolicy?: SubsetFallback;
  /** Metadata of the default subset; empty matches every host. Default: empty. */
  readonly defaultSubset?: Metadata;
  /** Use any host when the fallback has none. Default: false. */
  readonly panicModeAny?: boolean;
  /** A list in a host's metadata stands for each of its elements. Default: false. */
  readonly listAsAny?: boolean;
  /** Requests may have keys beyond those of a selector. Default: false. */
  readonly allowRedundantKeys?: boolean;
  /** Subsets keep the weights of localities. Default: false. */
  readonly localityWeightAware?: boolean;
  /** Scale those weights by the share of a locality's hosts that is in the subset. Default: false. */
  readonly scaleLocalityWeight?: boolean;
  /** Try the alternatives of the request's `fallback_list` in order. Default: `"METADATA_NO_FALLBACK"`. */
  readonly metadataFallbackPolicy?: "METADATA_NO_FALLBACK" | "FALLBACK_LIST";
}
