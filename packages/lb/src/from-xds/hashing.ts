import type { ConsistentHashingLbConfig } from "@weftmesh/xds-types/envoy/extensions/load_balancing_policies/common/v3";
import type { HashFunction } from "../hash/hash-text.js";
import { MAX_RING_SIZE, type RingOptions } from "../hash-ring.js";
import { isPrime, MAX_TABLE_SIZE } from "../maglev-table.js";
import type { ConsistentHashOptions } from "../table-balancer.js";
import { readHashPolicies } from "./hash-policy.js";
import { definedOnly, type IssueList } from "./issues.js";

/** The fields that the older and the newer ring message share. */
interface RingMessage {
  readonly minimumRingSize?: bigint;
  readonly maximumRingSize?: bigint;
  readonly hashFunction?: "DEFAULT_HASH" | HashFunction | number;
}

const DEFAULT_MINIMUM = 1024;

/** Reads the sizes and the function of a ring. */
export function readRing(config: RingMessage, path: string, issues: IssueList): RingOptions {
  const minimum = config.minimumRingSize === undefined ? undefined : Number(config.minimumRingSize);
  const maximum = config.maximumRingSize === undefined ? undefined : Number(config.maximumRingSize);
  for (const [name, size] of [
    ["minimum_ring_size", minimum],
    ["maximum_ring_size", maximum],
  ] as const) {
    if (size !== undefined && size > MAX_RING_SIZE) {
      issues.add(`${path}.${name}`, `must be at most ${MAX_RING_SIZE}, got ${size}`);
    }
  }
  if ((minimum ?? DEFAULT_MINIMUM) > (maximum ?? MAX_RING_SIZE)) {
    issues.add(
      `${path}.minimum_ring_size`,
      `must not exceed maximum_ring_size, got ${minimum ?? DEFAULT_MINIMUM} and ${maximum ?? MAX_RING_SIZE}`,
    );
  }
  const hashFunction: HashFunction = config.hashFunction === "MURMUR_HASH_2" ? "MURMUR_HASH_2" : "XX_HASH";
  return { hashFunction, ...definedOnly<RingOptions>({ minimumRingSize: minimum, maximumRingSize: maximum }) };
}

/** Reads the size of a Maglev table. */
export function readMaglevSize(tableSize: bigint | undefined, path: string, issues: IssueList): { tableSize?: number } {
  if (tableSize === undefined) return {};
  const size = Number(tableSize);
  if (size > MAX_TABLE_SIZE) issues.add(path, `must be at most ${MAX_TABLE_SIZE}, got ${size}`);
  else if (!isPrime(size)) issues.add(path, `must be a prime number, got ${size}`);
  return { tableSize: size };
}

/** Reads what both hash policies share. */
export function readConsistentHashing(
  config: ConsistentHashingLbConfig,
  path: string,
  issues: IssueList,
): ConsistentHashOptions {
  const factor = config.hashBalanceFactor;
  if (factor !== undefined && factor !== 0 && factor < 100) {
    issues.add(`${path}.hash_balance_factor`, `must be at least 100, got ${factor}`);
  }
  const policies = config.hashPolicy ?? [];
  return definedOnly<ConsistentHashOptions>({
    useHostnameForHashing: config.useHostnameForHashing,
    hashBalanceFactor: factor || undefined,
    hashPolicy: policies.length === 0 ? undefined : readHashPolicies(policies, `${path}.hash_policy`, issues),
  });
}
