import type { HostChange, HostDelta } from "./cluster-options.js";
import { type Issue, LbError, throwIssues } from "./errors.js";
import type { EndpointGroup, EndpointHealth, Host, HostOptions, Locality } from "./host.js";
import { localityKey } from "./locality.js";
import { isRecord, shown } from "./option-shape.js";
import type { HostSet } from "./priority-set.js";

/** The largest weight, and the largest sum of weights, there is. */
export const MAX_WEIGHT = 0xffffffff;

/** The last priority there is. */
export const MAX_PRIORITY = 128;

const HEALTH: ReadonlySet<string> = new Set<EndpointHealth>([
  "UNKNOWN",
  "HEALTHY",
  "UNHEALTHY",
  "DRAINING",
  "TIMEOUT",
  "DEGRADED",
]);

/** Names a locality of a priority. */
export function placeKey(priority: number, locality: Locality): string {
  return `${priority} ${localityKey(locality)}`;
}

/** The hosts that a delta changes. */
export interface PresentHosts {
  /** Sums of their weights, by {@link placeKey}. */
  readonly weightSums: ReadonlyMap<string, number>;
  readonly levels: readonly HostSet[];
  get(address: string): Host | undefined;
}

/**
 * Checks a change of hosts as a whole.
 *
 * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every problem found.
 */
export function checkDelta(delta: HostDelta, present: PresentHosts): void {
  // Untyped callers may give anything.
  const given: unknown = delta;
  if (!isRecord(given)) {
    throw new LbError([
      { code: "ERR_LB_HOST_INVALID", path: "delta", message: `must be a mapping, got ${shown(given)}` },
    ]);
  }
  const { replace, add, remove, change } = delta;
  const issues: Issue[] = [];
  // Sums are looked up as they are needed: a change of one host must not cost a copy of all of them.
  const weights = new DeltaWeights(replace === undefined ? present : undefined);
  if (replace !== undefined) checkGroups(replace, weights, issues);
  if (add !== undefined) checkGroups(add, weights, issues);
  weights.checkLocalities(issues);
  if (remove !== undefined) checkedList("remove", remove, issues);
  if (change !== undefined) checkChanges(change, replace === undefined ? present : undefined, weights, issues);
  throwIssues(issues);
}

/** Everything that is wrong with the first hosts of a cluster. */
export function hostIssues(groups: readonly EndpointGroup[]): readonly Issue[] {
  const issues: Issue[] = [];
  const weights = new DeltaWeights(undefined);
  checkGroups(groups, weights, issues);
  weights.checkLocalities(issues);
  return issues;
}

/** Sums of weights as they will be, starting from those of the hosts that stay. */
class DeltaWeights {
  private readonly hosts = new Map<string, number>();
  private readonly localities = new Map<number, Map<string, number>>();
  private readonly present: PresentHosts | undefined;

  constructor(present: PresentHosts | undefined) {
    this.present = present;
  }

  /** Adds to a locality's sum of host weights; whether that is now too much and was not before. */
  exceeds(place: string, by: number): boolean {
    const before = this.hosts.get(place) ?? this.present?.weightSums.get(place) ?? 0;
    this.hosts.set(place, before + by);
    return before + by > MAX_WEIGHT && before <= MAX_WEIGHT;
  }

  weighLocality(priority: number, locality: Locality, weight: number | undefined): void {
    let weights = this.localities.get(priority);
    if (weights === undefined) {
      const present = this.present?.levels[priority]?.localities ?? [];
      weights = new Map(present.map((each) => [localityKey(each.locality), each.weight]));
      this.localities.set(priority, weights);
    }
    if (weight !== undefined) weights.set(localityKey(locality), weight);
  }

  checkLocalities(issues: Issue[]): void {
    for (const [priority, weights] of this.localities) {
      let sum = 0;
      for (const weight of weights.values()) sum += weight;
      if (sum <= MAX_WEIGHT) continue;
      const message = `the sum of locality weights of priority ${priority} must not exceed ${MAX_WEIGHT}`;
      issues.push({ code: "ERR_LB_HOST_INVALID", path: "endpoints", message });
    }
  }
}

function checkChanges(
  changes: readonly HostChange[],
  present: PresentHosts | undefined,
  weights: DeltaWeights,
  issues: Issue[],
): void {
  for (const [index, change] of checkedList("change", changes, issues)) {
    const report = (field: string, message: string): void => {
      issues.push({ code: "ERR_LB_HOST_INVALID", path: `change[${index}]${field && "."}${field}`, message });
    };
    if (!isRecord(change)) {
      report("", `must be a mapping, got ${shown(change)}`);
      continue;
    }
    const { address, weight, health } = change;
    if (health !== undefined && !HEALTH.has(health)) report("health", healthMessage(health));
    if (weight === undefined) continue;
    if (!isWeight(weight, 1)) {
      report("weight", `must be an integer from 1 to ${MAX_WEIGHT}, got ${shown(weight)}`);
      continue;
    }
    const host = present?.get(address);
    if (host !== undefined && weights.exceeds(placeKey(host.priority, host.locality), weight - host.weight)) {
      report("weight", `the sum of weights of a locality must not exceed ${MAX_WEIGHT}`);
    }
  }
}

function checkGroups(groups: readonly EndpointGroup[], weights: DeltaWeights, issues: Issue[]): void {
  const report = (path: string, message: string): void => {
    issues.push({ code: "ERR_LB_HOST_INVALID", path, message });
  };
  for (const [index, group] of checkedList("endpoints", groups, issues)) {
    const path = `endpoints[${index}]`;
    if (!isRecord(group)) {
      report(path, `must be a mapping, got ${shown(group)}`);
      continue;
    }
    const priority = group.priority ?? 0;
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      report(`${path}.priority`, `must be an integer from 0 to ${MAX_PRIORITY}, got ${shown(priority)}`);
    }
    if (!isWeight(group.weight ?? 0, 0)) {
      report(`${path}.load_balancing_weight`, `must be an integer from 0 to ${MAX_WEIGHT}, got ${shown(group.weight)}`);
    }
    const locality = group.locality ?? {};
    if (!isRecord(locality)) {
      report(`${path}.locality`, `must be a mapping, got ${shown(locality)}`);
      continue;
    }
    weights.weighLocality(priority, locality, group.weight);
    const place = placeKey(priority, locality);
    for (const [position, entry] of checkedList(`${path}.lb_endpoints`, group.hosts, issues)) {
      const host: HostOptions = typeof entry === "string" ? { address: entry } : entry;
      const hostPath = `${path}.lb_endpoints[${position}]`;
      if (!isRecord(host)) {
        report(hostPath, `must be an address or a mapping, got ${shown(host)}`);
        continue;
      }
      if (typeof host.address !== "string" || host.address === "") {
        report(`${hostPath}.endpoint.address`, "must be a non-empty string");
      }
      if (host.health !== undefined && !HEALTH.has(host.health)) {
        report(`${hostPath}.health_status`, healthMessage(host.health));
      }
      if (host.metadata !== undefined && !isRecord(host.metadata)) {
        report(`${hostPath}.metadata`, `must be a mapping, got ${shown(host.metadata)}`);
      }
      const weight = host.weight ?? 1;
      if (!isWeight(weight, 1)) {
        report(`${hostPath}.load_balancing_weight`, `must be an integer from 1 to ${MAX_WEIGHT}, got ${shown(weight)}`);
      } else if (weights.exceeds(place, weight)) {
        report(`${hostPath}.load_balancing_weight`, `the sum of weights of a locality must not exceed ${MAX_WEIGHT}`);
      }
    }
  }
}

/** The entries of a list; of what is none, nothing but the complaint. */
function checkedList<T>(path: string, list: readonly T[], issues: Issue[]): Iterable<[number, T]> {
  if (Array.isArray(list)) return (list as T[]).entries();
  issues.push({ code: "ERR_LB_HOST_INVALID", path, message: `must be a list, got ${shown(list)}` });
  return [];
}

function healthMessage(health: string): string {
  return `must be one of ${[...HEALTH].join(", ")}, got ${shown(health)}`;
}

function isWeight(value: number, min: number): boolean {
  return Number.isInteger(value) && value >= min && value <= MAX_WEIGHT;
}
