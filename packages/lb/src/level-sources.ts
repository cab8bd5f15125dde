import type { HostState } from "./host-state.js";
import { createLocalitySchedule, effectiveWeights, type LocalitySchedule } from "./locality-schedule.js";
import type { Picker } from "./picker.js";
import type { HostSet } from "./priority-set.js";

/** A list of hosts and who chooses from it. */
export class Source {
  readonly picker: Picker;
  /** Hosts in the list. */
  size = 0;

  constructor(picker: Picker) {
    this.picker = picker;
  }

  use(hosts: readonly HostState[], changed?: readonly HostState[]): void {
    this.size = hosts.length;
    this.picker.use(hosts, changed);
  }
}

/** The lists of one priority: everything, by health class, and by locality. */
export class LevelSources {
  readonly all: Source;
  healthySchedule: LocalitySchedule = { pick: () => -1 };
  degradedSchedule: LocalitySchedule = { pick: () => -1 };
  private readonly healthy: Source;
  private readonly degraded: Source;
  private readonly healthyByLocality: Source[] = [];
  private readonly degradedByLocality: Source[] = [];
  private readonly create: () => Source;
  private readonly seed: number;
  private readonly byLocalityWanted: boolean;

  constructor(options: { readonly locality?: unknown; createPicker(seed: number): Picker }, seed: number) {
    this.create = () => new Source(options.createPicker(seed));
    this.seed = seed;
    this.byLocalityWanted = options.locality !== undefined;
    this.all = this.create();
    this.healthy = this.create();
    this.degraded = this.create();
  }

  /**
   * Takes the present lists; rotations go on where they stood.
   *
   * @param changed - The hosts that came, went or changed since the last call; any when absent.
   */
  use(set: HostSet, overprovisioningFactor: number, changed?: readonly HostState[]): void {
    // Inside the package a priority set holds HostState objects only; the public type shows less of them.
    this.all.use(set.hosts as readonly HostState[], changed);
    this.healthy.use(set.healthy as readonly HostState[], changed);
    this.degraded.use(set.degraded as readonly HostState[], changed);
    if (!this.byLocalityWanted) return;
    for (const [index, locality] of set.localities.entries()) {
      this.byLocality(false, index).use(locality.healthy as readonly HostState[]);
      this.byLocality(true, index).use(locality.degraded as readonly HostState[]);
    }
    this.healthySchedule = createLocalitySchedule(
      effectiveWeights(set.localities, "healthy", overprovisioningFactor),
      this.seed,
    );
    this.degradedSchedule = createLocalitySchedule(
      effectiveWeights(set.localities, "degraded", overprovisioningFactor),
      this.seed,
    );
  }

  byClass(degraded: boolean): Source {
    return degraded ? this.degraded : this.healthy;
  }

  byLocality(degraded: boolean, index: number): Source {
    const sources = degraded ? this.degradedByLocality : this.healthyByLocality;
    let source = sources[index];
    if (source === undefined) {
      source = this.create();
      sources[index] = source;
    }
    return source;
  }

  /** Positions of all rotations, in a fixed order. */
  positions(): number[] {
    return this.sources().map((source) => source.picker.position ?? 0);
  }

  setPositions(positions: unknown): void {
    if (!Array.isArray(positions)) return;
    for (const [index, source] of this.sources().entries()) {
      const position: unknown = positions[index];
      if (typeof position === "number" && Number.isSafeInteger(position) && position >= 0) {
        source.picker.position = position;
      }
    }
  }

  private sources(): Source[] {
    return [this.all, this.healthy, this.degraded, ...this.healthyByLocality, ...this.degradedByLocality];
  }
}
