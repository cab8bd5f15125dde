import type { Clock } from "./clock.js";
import { createEdf, type EdfScheduler } from "./edf.js";
import type { HostState } from "./host-state.js";
import { LoadList } from "./load-list.js";
import type { Picker } from "./picker.js";
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
  /** Turns a weight into the one that counts right now. */
  readonly adjust?: (weight: number, host: HostState) => number;
  /** Chooses when all weights are equal; the list is not empty. */
  readonly unweighted: UnweightedChoice;
}

/** Chooses among hosts of equal weight. */
export interface UnweightedChoice {
  /** The index of a host of a list that is not empty. */
  pick(list: LoadList): number;
  /** Called when the list changed. */
  changed?(): void;
  /** Position of the rotation, if it has one. */
  position?: number;
}

/**
 * Round robin, least request and reported weights share this: hosts of equal weight go to the policy's own choice,
 * otherwise an earliest-deadline-first schedule decides. The schedule is built by the first pick that needs it, so a
 * burst of changes costs one build, and lists nobody picks from cost none.
 */
export function createWeightedPicker(options: WeightedPickerOptions): Picker {
  const { clock, slowStart, unweighted, adjust } = options;
  const list = new LoadList(options.weightOf);
  let schedule: EdfScheduler | undefined;
  let stale = true;

  const currentWeight = (index: number): number => {
    const host = list.hosts[index] as HostState;
    const own = list.weights[index] as number;
    const weight = adjust ? adjust(own, host) : own;
    if (slowStart === undefined) return weight;
    const now = clock.now();
    return isInSlowStart(host, now, slowStart) ? slowStartWeight(weight, now - host.slowStartFrom, slowStart) : weight;
  };

  const isRamping = (): boolean => {
    if (slowStart === undefined) return false;
    const now = clock.now();
    return list.hosts.some((host) => isInSlowStart(host, now, slowStart));
  };

  const createSchedule = (): EdfScheduler | undefined => {
    if (list.length < 2) return undefined;
    const ramping = isRamping();
    if (!ramping && list.hasEqualWeights) return undefined;
    // Weights that move with time or load are read again at each pick; others stay until the list changes.
    if (ramping || adjust) return createEdf(list.length, currentWeight, options.prePicks);
    return createStaticEdf(list.length, list.weights, list.classOf, list.classes, options.prePicks);
  };

  const rebuild = (): void => {
    stale = false;
    list.settle();
    unweighted.changed?.();
    schedule = createSchedule();
  };

  return {
    use(hosts, changed) {
      list.use(hosts, changed);
      stale = true;
    },
    pick() {
      if (stale) rebuild();
      if (schedule !== undefined) return list.hosts[schedule.pick()];
      return list.length === 0 ? undefined : list.hosts[unweighted.pick(list)];
    },
    get position() {
      return unweighted.position ?? 0;
    },
    set position(value) {
      unweighted.position = value;
    },
  };
}
