import type { Clock } from "./clock.js";
import { createEdf, EDF_MAX_PRE_PICKS, type EdfScheduler } from "./edf.js";
import type { HostState } from "./host-state.js";
import { LoadList } from "./load-list.js";
import type { Picker } from "./picker.js";
import type { Rotation } from "./rotation.js";
import { isInSlowStart, type SlowStartOptions, slowStartWeight } from "./slow-start.js";
import { createStaticEdf } from "./static-edf.js";

/** How a policy that respects weights chooses. */
export interface WeightedPickerOptions {
  /** Picks skipped in every fresh schedule, so that clients differ. */
  readonly prePicks: number;
  /** Needed for slow start. */
  readonly clock: Clock;
  /** Ramp for new hosts. */
  readonly slowStart?: SlowStartOptions;
  /** Static weight of a host. Default: the configured one. */
  readonly weightOf?: (host: HostState) => number;
  /** Turns a weight into the one that counts with so many requests in flight. */
  readonly adjust?: (weight: number, activeRequests: number) => number;
  /** Chooses when all weights are equal; the list is not empty. */
  readonly unweighted: UnweightedChoice;
}

/** Chooses among hosts of equal weight. */
export interface UnweightedChoice {
  /** The index of a host of a list that is not empty. */
  pick(list: LoadList): number;
  /** Where it stands, if it goes round the list. */
  readonly rotation?: Rotation;
}

/**
 * Round robin, least request and reported weights share this: hosts of equal weight go to the policy's own choice,
 * otherwise an earliest-deadline-first schedule decides. The schedule is built by the first pick that needs it, so a
 * burst of changes costs one build, and lists nobody picks from cost none.
 */
export function createWeightedPicker(options: WeightedPickerOptions): Picker {
  return new WeightedPicker(options);
}

// A class, since object literals with accessors of their own become dictionaries once there are two of them.
class WeightedPicker implements Picker {
  private readonly options: WeightedPickerOptions;
  private readonly unweighted: UnweightedChoice;
  private readonly list: LoadList;
  private schedule: EdfScheduler | undefined;
  private stale = true;
  /** Picks that a fresh schedule skips, and those of the present one since. */
  private prePicks: number;
  private picks = 0;

  constructor(options: WeightedPickerOptions) {
    this.options = options;
    this.unweighted = options.unweighted;
    this.prePicks = options.prePicks;
    this.list = new LoadList(options.weightOf);
  }

  use(hosts: readonly HostState[], changed?: readonly HostState[]): void {
    this.list.use(hosts, changed);
    this.stale = true;
  }

  pick(): HostState | undefined {
    if (this.stale) this.rebuild();
    const { list, schedule } = this;
    if (schedule !== undefined) {
      this.picks += 1;
      return list.hosts[schedule.pick()];
    }
    return list.length === 0 ? undefined : list.hosts[this.unweighted.pick(list)];
  }

  get position(): number {
    if (this.schedule !== undefined) return (this.prePicks + this.picks) % EDF_MAX_PRE_PICKS;
    return this.unweighted.rotation?.position ?? this.prePicks;
  }

  /** Whichever of the two is used from now on: which it is, the weights of the list decide. */
  set position(value: number) {
    const { rotation } = this.unweighted;
    if (rotation) rotation.position = value;
    this.prePicks = value % EDF_MAX_PRE_PICKS;
    this.stale = true;
  }

  private rebuild(): void {
    this.stale = false;
    this.picks = 0;
    this.list.settle();
    this.unweighted.rotation?.forgetPeeks();
    this.schedule = this.createSchedule();
  }

  private createSchedule(): EdfScheduler | undefined {
    const { list, options } = this;
    if (list.length < 2) return undefined;
    const ramping = this.isRamping();
    if (!ramping && list.hasEqualWeights) return undefined;
    // Weights that move with time or load are read again at each pick; others stay until the list changes.
    if (ramping || options.adjust) {
      return createEdf(list.length, (index) => this.currentWeight(index), this.prePicks);
    }
    return createStaticEdf(list.weights, list.length, list.classes, this.prePicks);
  }

  private isRamping(): boolean {
    const { clock, slowStart } = this.options;
    if (slowStart === undefined) return false;
    const now = clock.now();
    return this.list.hosts.some((host) => isInSlowStart(host, now, slowStart));
  }

  private currentWeight(index: number): number {
    const { list } = this;
    const { adjust, slowStart } = this.options;
    const own = list.weights[index] as number;
    const weight = adjust ? adjust(own, list.active(index)) : own;
    if (slowStart === undefined) return weight;
    const host = list.hosts[index] as HostState;
    const now = this.options.clock.now();
    return isInSlowStart(host, now, slowStart) ? slowStartWeight(weight, now - host.slowStartFrom, slowStart) : weight;
  }
}
