import { createEdf, type EdfScheduler } from "./edf.js";
import type { LocalityHosts } from "./priority-set.js";

/** Counts of one locality that its effective weight depends on. */
export interface LocalityCounts {
  /** Configured weight; 0 when it has none. */
  readonly weight: number;
  /** Hosts of the class being scheduled. */
  readonly eligible: number;
  /** All hosts. */
  readonly total: number;
  /** Hosts left out of denominators. */
  readonly excluded: number;
}

/**
 * Weight of a locality scaled by the share of its hosts that may be used, overprovisioned.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/locality_weight
 */
export function effectiveLocalityWeight(counts: LocalityCounts, overprovisioningFactor: number): number {
  const usable = counts.total - counts.excluded;
  if (usable <= 0) return 0;
  const ratio = counts.eligible / usable;
  return counts.weight * Math.min(1, (overprovisioningFactor / 100) * ratio);
}

/** Chooses localities in proportion to their effective weights. */
export interface LocalitySchedule {
  /** Index of the next locality, or −1 if none may be used. Allocates nothing. */
  pick(): number;
}

const NONE: LocalitySchedule = { pick: () => -1 };

/** Schedules localities by earliest deadline first; weights are fixed until the next schedule. */
export function createLocalitySchedule(effectiveWeights: readonly number[], prePicks: number): LocalitySchedule {
  const listed: number[] = [];
  for (const [index, weight] of effectiveWeights.entries()) if (weight > 0) listed.push(index);
  if (listed.length === 0) return NONE;
  const edf: EdfScheduler = createEdf(
    listed.length,
    (slot) => effectiveWeights[listed[slot] as number] as number,
    prePicks,
  );
  return { pick: () => listed[edf.pick()] as number };
}

/** Effective weights of localities for one health class. */
export function effectiveWeights(
  localities: readonly LocalityHosts[],
  health: "healthy" | "degraded",
  overprovisioningFactor: number,
): number[] {
  return localities.map((locality) =>
    effectiveLocalityWeight(
      {
        weight: locality.weight,
        eligible: locality[health].length,
        total: locality.hosts.length,
        excluded: locality.excluded,
      },
      overprovisioningFactor,
    ),
  );
}
