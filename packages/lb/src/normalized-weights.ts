import type { HostState } from "./host-state.js";
import type { HostSet } from "./priority-set.js";

/** Hosts of a table with their shares of the whole. */
export interface NormalizedHosts {
  /** The hosts, in the order in which the table sees them. */
  readonly hosts: readonly HostState[];
  /** Share of each, above 0; they add up to 1. */
  readonly weights: readonly number[];
}

/**
 * Shares of hosts for a hash table: of healthy hosts, or of all in panic. Locality weights count as configured, however
 * many hosts of a locality are available; localities without weight have no share.
 */
export function normalizedHosts(set: HostSet, panic: boolean, localityWeighted: boolean): NormalizedHosts {
  const hosts: HostState[] = [];
  const weights: number[] = [];
  const add = (list: readonly HostState[], share: number): void => {
    let sum = 0;
    for (const host of list) sum += host.weight;
    for (const host of list) {
      hosts.push(host);
      weights.push((host.weight * share) / sum);
    }
  };
  if (!localityWeighted || !set.hasLocalityWeights) {
    add((panic ? set.hosts : set.healthy) as readonly HostState[], 1);
    return { hosts, weights };
  }
  let sum = 0;
  for (const locality of set.localities) sum += locality.weight;
  for (const locality of set.localities) {
    if (locality.weight === 0) continue;
    add((panic ? locality.hosts : locality.healthy) as readonly HostState[], locality.weight / sum);
  }
  return { hosts, weights };
}
