/** Clusters to measure, by the weights of their hosts. */
import { type Cluster, createCluster, type Policy, systemClock } from "@weftmesh/lb";
import type { Bar } from "../row.js";
import { plainHosts } from "./prototypes.js";

export const equal = (count: number): number[] => Array.from({ length: count }, () => 1);
export const mixed = (count: number): number[] => Array.from({ length: count }, (_, index) => 1 + ((index * 37) % 100));
export const different = (count: number): number[] => equal(count).map((_, index) => 100 + ((index * 7919) % 100_003));
export const skewed = (count: number): number[] => equal(count).map((weight, index) => (index === 0 ? 1000 : weight));

export const DEPS = { clock: systemClock, random: Math.random };

export function clusterOf(weights: readonly number[], policy: Policy): Cluster {
  return createCluster({ hosts: plainHosts(weights), policy, updateMergeWindowMs: 0 }, DEPS);
}

export const ratio = (max: number): Bar => ({ kind: "ratio", max });
export const absolute = (max: number): Bar => ({ kind: "absolute", max });
