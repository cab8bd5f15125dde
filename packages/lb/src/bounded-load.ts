import { Mersenne } from "./mersenne.js";

/** Requests a host may have, and how full it is. */
export interface HostLoad {
  /** Slots of the whole cluster. */
  readonly totalSlots: number;
  /** Slots of the host, at least 1. */
  readonly slots: number;
  /** Active requests over slots; above 1 the host is passed over. */
  readonly overloadFactor: number;
  /** Whether the host may take another request. */
  readonly eligible: boolean;
}

/**
 * How full a host is under bounded load.
 *
 * @param clusterActive - Requests in flight over the whole cluster.
 * @param normalizedWeight - The host's share of the table.
 * @param balanceFactor - Percent of the average load a host may have, at least 100.
 */
export function hostLoad(
  clusterActive: number,
  hostActive: number,
  normalizedWeight: number,
  balanceFactor: number,
): HostLoad {
  const totalSlots = Math.floor(((clusterActive + 1) * balanceFactor + 99) / 100);
  const slots = Math.max(1, Math.ceil(totalSlots * normalizedWeight));
  const overloadFactor = hostActive / slots;
  return { totalSlots, slots, overloadFactor, eligible: overloadFactor <= 1 };
}

/** Finds a host with room for a request whose own host is full. */
export interface LoadProbe {
  /**
   * The first host with a factor of at most 1 in an order that depends on the hash alone, so that the overflow of one
   * host spreads over all others; if there is none, the least loaded.
   *
   * @param primary - The full host, whose factor is known.
   * @param factorOf - Load of the host with this index. Nothing is allocated.
   */
  choose(hashLo: number, primary: number, primaryFactor: number, factorOf: (index: number) => number): number;
}

/** Makes the probe for a table of `count` hosts. */
export function createLoadProbe(count: number): LoadProbe {
  const random = new Mersenne();
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const swapped = new Uint32Array(count);

  const swap = (a: number, b: number): void => {
    const kept = order[a] as number;
    order[a] = order[b] as number;
    order[b] = kept;
  };

  return {
    choose(hashLo, primary, primaryFactor, factorOf) {
      random.seed(hashLo);
      let least = primary;
      let leastFactor = primaryFactor;
      let steps = 0;
      for (; steps < count; steps++) {
        const other = steps + random.below(count - steps);
        swap(steps, other);
        swapped[steps] = other;
        const candidate = order[steps] as number;
        if (candidate === primary) continue;
        const factor = factorOf(candidate);
        if (factor < leastFactor) {
          least = candidate;
          leastFactor = factor;
        }
        if (factor <= 1) {
          least = candidate;
          break;
        }
      }
      // Undoing the swaps costs what the probe cost; a fresh order would cost the number of hosts.
      for (let step = Math.min(steps, count - 1); step >= 0; step--) swap(step, swapped[step] as number);
      return least;
    },
  };
}

/** The order in which hosts are probed for a hash. */
export function probeOrder(hashLo: number, count: number): number[] {
  const visited: number[] = [];
  const probe = createLoadProbe(count);
  probe.choose(hashLo, -1, Number.POSITIVE_INFINITY, (index) => {
    visited.push(index);
    return 2;
  });
  return visited;
}
