import type { HostState } from "./host-state.js";
import type { PrioritySet } from "./priority-set.js";

/** Whether a set has this host now: one that left a subset is still a host elsewhere. Lists are sorted by ordinal. */
export function isListed(set: PrioritySet, host: HostState): boolean {
  const hosts = (set.levels[host.priority]?.hosts ?? []) as readonly HostState[];
  let low = 0;
  let high = hosts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hosts[middle] as HostState).ordinal < host.ordinal) low = middle + 1;
    else high = middle;
  }
  return hosts[low] === host;
}
