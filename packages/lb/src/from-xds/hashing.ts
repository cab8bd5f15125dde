import type { ConsistentHashingLbConfig } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/common/v3";
import type { HashFunction } from "../hash/hash-text.js";
import type { RingOptions } from "../hash-ring.js";
import type { ConsistentHashOptions } from "../table-balancer.js";
import { readHashPolicies } from "./hash-policy.js";
import { definedOnly, type IssueList } from "./issues.js";

/** The fields that the older and the newer ring message share. */
interface RingMessage {
  readonly minimumRingSize?: bigint;
  readonly maximumRingSize?: bigint;
  readonly hashFunction?: "DEFAULT_HASH" | HashFunction | number;
}

/** Reads the sizes and the function of a ring. */
export function readRing(config: RingMessage): RingOptions {
  const { minimumRingSize: min, maximumRingSize: max } = config;
  return definedOnly<RingOptions>({
    hashFunction: config.hashFunction === "MURMUR_HASH_2" ? "MURMUR_HASH_2" : "XX_HASH",
    minimumRingSize: min === undefined ? undefined : Number(min),
    maximumRingSize: max === undefined ? undefined : Number(max),
  });
}

/** Reads what both hash policies share. */
export function readConsistentHashing(
  config: ConsistentHashingLbConfig,
  path: string,
  issues: IssueList,
): ConsistentHashOptions {
  const policies = config.hashPolicy ?? [];
  return definedOnly<ConsistentHashOptions>({
    useHostnameForHashing: config.useHostnameForHashing,
    hashBalanceFactor: config.hashBalanceFactor || undefined,
    hashPolicy: policies.length === 0 ? undefined : readHashPolicies(policies, `${path}.hash_policy`, issues),
  });
}
