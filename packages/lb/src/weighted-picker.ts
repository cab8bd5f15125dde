import type { Clock } from "./clock.js";
import { createEdf, type EdfScheduler } from "./edf.js";
import type { HostState } from "./host-state.js";
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
  /** Goes by schedule even when all weights are equal. */
  readonly alwaysScheduled?: boolean;
  /** Static weight of a host. Default: the configured one. */
  readonly weightOf?: (host: HostState) => number;
  /** Turns a weight into the one that counts right now. */
  readonly adjust?: (weight: number, host: HostState) => number;
  /** Chooses when all weights are equal; the list is not empty. */
  readonly unweighted: UnweightedChoice;
}

/** Chooses among hosts of equal weight. */
export interface UnweightedChoice {
  /** A host of a list that is not empty. */
  pick(hosts: readonly HostState[]): HostState;
  /** Called when the list changed. */
  changed?(hosts: readonly HostState[]): void;
  /** Position of the rotation, if it has one. */
  position?: number;
}

const configuredWeight = (host: HostState): number => host.weight;

/**
 * Round robin, least request and reported weights share this: hosts of equal weight go to the policy's own choice,
 * otherwise an earliest-deadline-first schedule decides. The schedule is built by the first pick that needs it, so a
 * burst of changes costs one build, and lists nobody picks from cost none.
 */
export function createWeightedPicker(options: WeightedPickerOptions): Picker {
  const { clock, slowStart, unweighted, adjust } = options;
  const weightOf = options.weightOf ?? configuredWeight;
  let hosts: readonly HostState[] = [];
  let schedule: EdfScheduler | undefined;
  let stale = true;

  const currentWeight = (index: number): number => {
    const host = hosts[index] as HostState;
    const weight = adjust ? adjust(weightOf(host), host) : weightOf(host);
    if (slowStart === undefined) return weight;
    const now = clock.now();
    return isInSlowStart(host, now, slowStart) ? slowStartWeight(weight, now - host.slowStartFrom, slowStart) : weight;
  };

  const isRamping = (): boolean => {
    if (slowStart === undefined) return false;
    const now = clock.now();
    return hosts.some((host) => isInSlowStart(host, now, slowStart));
  };

  const haveEqualWeights = (): boolean => {
    const weight = weightOf(hosts[0] as HostState);
    for (const host of hosts) if (weightOf(host) !== weight) return false;
    return true;
  };

  const createSchedule = (): EdfScheduler | undefined => {
    if (hosts.length < 2) return undefined;
    const ramping = isRamping();
    if (!options.alwaysScheduled && !ramping && haveEqualWeights()) return undefined;
    // Weights that move with time or load are read again at each pick; others stay until the list changes.
    if (ramping || adjust) return createEdf(hosts.length, currentWeight, options.prePicks);
    const weights = new Float64Array(hosts.length);
    for (let index = 0; index < weights.length; index++) weights[index] = weightOf(hosts[index] as HostState);
    return createStaticEdf(weights, options.prePicks);
  };

  const rebuild = (): void => {
    stale = false;
    unweighted.changed?.(hosts);
    schedule = createSchedule();
  };

  return {
    use(list) {
      hosts = list;
      stale = true;
    },
    pick() {
      if (stale) rebuild();
      if (schedule !== undefined) return hosts[schedule.pick()];
      return hosts.length === 0 ? undefined : unweighted.pick(hosts);
    },
    get position() {
      return unweighted.position ?? 0;
    },
    set position(value) {
      unweighted.position = value;
    },
  };
}
