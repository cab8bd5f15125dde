import type { HostState } from "./host-state.js";
import type { PrioritySet } from "./priority-set.js";

/** First position of a list, which is sorted by ordinal, whose ordinal is not below the given one. */
export function positionOf(list: readonly HostState[], ordinal: number): number {
  const last = list.at(-1);
  if (last === undefined || last.ordinal < ordinal) return list.length;
  let low = 0;
  let high = list.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as HostState).ordinal < ordinal) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a set has this host now: one that left a subset is still a host elsewhere. */
export function isListed(set: PrioritySet, host: HostState): boolean {
  const hosts = (set.levels[host.priority]?.hosts ?? []) as readonly HostState[];
  return hosts[positionOf(hosts, host.ordinal)] === host;
}
