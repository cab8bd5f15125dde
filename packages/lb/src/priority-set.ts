import type { Host, Locality } from "./host.js";

/** The hosts of one locality at one priority. */
export interface LocalityHosts {
  /** The locality they share. */
  readonly locality: Locality;
  /** Configured weight of the locality; 0 when it has none. */
  readonly weight: number;
  /** All of them. */
  readonly hosts: readonly Host[];
  /** Those of the healthy class. */
  readonly healthy: readonly Host[];
  /** Those of the degraded class. */
  readonly degraded: readonly Host[];
  /** How many are left out of every denominator. */
  readonly excluded: number;
}

/** The hosts of one priority, by class and by locality; every list keeps the order of the configuration. */
export interface HostSet {
  /** All of them. */
  readonly hosts: readonly Host[];
  /** Those of the healthy class. */
  readonly healthy: readonly Host[];
  /** Those of the degraded class. */
  readonly degraded: readonly Host[];
  /** How many are left out of every denominator. */
  readonly excluded: number;
  /** Whether localities have weights at all; a subset that ignores them has not. */
  readonly hasLocalityWeights: boolean;
  /** By locality: the caller's own first, the others in order of region, zone, sub-zone. */
  readonly localities: readonly LocalityHosts[];
}

/** All hosts a balancer chooses from. */
export interface PrioritySet {
  /** Index is the priority; levels without hosts are empty sets. */
  readonly levels: readonly HostSet[];
  /** Percent by which the health of a priority is scaled up before others get traffic. Envoy's default: 140. */
  readonly overprovisioningFactor: number;
  /** Whether priority health counts weights instead of hosts. */
  readonly weightedPriorityHealth: boolean;
  /** Grows with every change. */
  readonly version: number;
}
