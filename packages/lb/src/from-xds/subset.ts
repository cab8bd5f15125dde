import type {
  Subset,
  Subset_LbSubsetSelector,
} from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/subset/v3";
import type { Metadata } from "../host.js";
import type { Policy } from "../policy.js";
import type { SubsetOptions, SubsetSelector } from "../subset-options.js";
import { definedOnly, enumName, type IssueList } from "./issues.js";

/** Reads the subset configuration; the older cluster field has the same shape. */
export function readSubset(
  config: Omit<Subset, "subsetLbPolicy">,
  path: string,
  issues: IssueList,
  policy: Policy | undefined,
): SubsetOptions {
  return definedOnly<SubsetOptions>({
    policy,
    selectors: (config.subsetSelectors ?? []).map((selector, index) =>
      readSelector(selector, `${path}.subset_selectors[${index}]`, issues),
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

function readSelector(selector: Subset_LbSubsetSelector, path: string, issues: IssueList): SubsetSelector {
  const keys = [...new Set(selector.keys ?? [])];
  const fallbackPolicy = enumName(selector.fallbackPolicy);
  const fallbackKeys = [...new Set(selector.fallbackKeysSubset ?? [])];
  if (fallbackPolicy === "KEYS_SUBSET") {
    if (fallbackKeys.length === 0) issues.add(`${path}.fallback_keys_subset`, "must not be empty with KEYS_SUBSET");
    else if (!fallbackKeys.every((key) => keys.includes(key))) {
      issues.add(`${path}.fallback_keys_subset`, "must be a subset of the selector's keys");
    } else if (fallbackKeys.length === keys.length) {
      issues.add(`${path}.fallback_keys_subset`, "must not be equal to the selector's keys");
    }
  }
  if (selector.singleHostPerSubset && keys.length !== 1) {
    issues.add(`${path}.single_host_per_subset`, `takes a selector with one key, got ${keys.length}`);
  }
  return definedOnly<SubsetSelector>({
    keys,
    fallbackPolicy,
    fallbackKeysSubset: fallbackKeys.length === 0 ? undefined : fallbackKeys,
    singleHostPerSubset: selector.singleHostPerSubset,
  });
}
