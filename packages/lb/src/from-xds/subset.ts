import type { Subset } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/subset/v3";
import type { Metadata } from "../host.js";
import type { Policy } from "../policy.js";
import type { SubsetOptions, SubsetSelector } from "../subset-options.js";
import { definedOnly, enumName } from "./issues.js";

/** Reads the subset configuration; the older cluster field has the same shape. */
export function readSubset(config: Omit<Subset, "subsetLbPolicy">, policy: Policy | undefined): SubsetOptions {
  return definedOnly<SubsetOptions>({
    policy,
    selectors: (config.subsetSelectors ?? []).map((selector) =>
      definedOnly<SubsetSelector>({
        keys: selector.keys ?? [],
        fallbackPolicy: enumName(selector.fallbackPolicy),
        fallbackKeysSubset: selector.fallbackKeysSubset,
        singleHostPerSubset: selector.singleHostPerSubset,
      }),
    ),
    fallbackPolicy: enumName(config.fallbackPolicy),
    // Structs are JSON by construction.
    defaultSubset: config.defaultSubset as Metadata | undefined,
    panicModeAny: config.panicModeAny,
    listAsAny: config.listAsAny,
    allowRedundantKeys: config.allowRedundantKeys,
    localityWeightAware: config.localityWeightAware,
    scaleLocalityWeight: config.scaleLocalityWeight,
    metadataFallbackPolicy: enumName(config.metadataFallbackPolicy),
  });
}
