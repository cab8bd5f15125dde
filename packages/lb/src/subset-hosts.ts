import { HostLevel } from "./host-level.js";
import type { HostState } from "./host-state.js";
import { localityKey } from "./locality.js";
import type { HostsChange } from "./policy.js";
import type { PrioritySet } from "./priority-set.js";

/** How the localities of a subset are weighted. */
export interface SubsetLocalities {
  /** Locality to list first. */
  readonly own?: HostState["locality"];
  /** Keep weights. */
  readonly aware: boolean;
  /** Scale them by the share of hosts that is in the subset. */
  readonly scaled: boolean;
}

/** Some of the hosts of a priority set as a priority set of their own. */
export class SubsetHosts implements PrioritySet {
  levels: HostLevel[] = [];
  version = 0;
  private readonly original: PrioritySet;
  private readonly localities: SubsetLocalities;
  private count = 0;

  constructor(original: PrioritySet, localities: SubsetLocalities) {
    this.original = original;
    this.localities = localities;
    this.clear();
  }

  get overprovisioningFactor(): number {
    return this.original.overprovisioningFactor;
  }
  get weightedPriorityHealth(): boolean {
    return this.original.weightedPriorityHealth;
  }
  get isEmpty(): boolean {
    return this.count === 0;
  }

  /** Empties one priority or all; hosts are then added again in order. */
  clear(priority?: number): void {
    const { length } = this.original.levels;
    if (priority === undefined) {
      this.levels = Array.from({ length }, () => this.createLevel());
    } else {
      while (this.levels.length < length) this.levels.push(this.createLevel());
      this.levels[priority] = this.createLevel();
    }
    this.count = this.levels.reduce((sum, level) => sum + level.hosts.length, 0);
    this.version += 1;
  }

  add(host: HostState): void {
    while (this.levels.length <= host.priority) this.levels.push(this.createLevel());
    this.levels[host.priority]?.add(host);
    this.count += 1;
    this.version += 1;
  }

  remove(host: HostState): void {
    this.levels[host.priority]?.remove(host);
    this.count -= 1;
    this.version += 1;
  }

  /** Follows a change of one host. */
  apply(change: Exclude<HostsChange, { kind: "membership" }>): void {
    const host = change.host as HostState;
    if (change.kind === "health") this.levels[host.priority]?.reclassify(host, change.oldFlags);
    this.version += 1;
  }

  /** Takes over or scales the weights of localities; to be called when hosts came or went. */
  weighLocalities(): void {
    if (!this.localities.aware) return;
    for (const [priority, level] of this.levels.entries()) {
      for (const original of this.original.levels[priority]?.localities ?? []) {
        const key = localityKey(original.locality);
        const here = level.localities.find((each) => localityKey(each.locality) === key);
        if (here) here.weight = this.weightOf(original.weight, here.hosts.length, original.hosts.length);
      }
    }
  }

  private createLevel(): HostLevel {
    return new HostLevel(this.localities.own, this.localities.aware);
  }

  private weightOf(weight: number, here: number, all: number): number {
    if (!this.localities.scaled) return weight;
    // In single precision and with no least weight, as in Envoy: a locality may round to nothing.
    return Math.round(Math.fround(Math.fround(weight * here) / all));
  }
}
