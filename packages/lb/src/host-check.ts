import type { HostChange } from "./cluster-options.js";
import { type Issue, throwIssues } from "./errors.js";
import type { EndpointGroup, HostOptions, Locality } from "./host.js";
import { localityKey } from "./locality.js";

/** The largest weight, and the largest sum of weights, there is. */
export const MAX_WEIGHT = 0xffffffff;

/** The last priority there is. */
export const MAX_PRIORITY = 128;

/** Names a locality of a priority. */
export function placeKey(priority: number, locality: Locality): string {
  return `${priority} ${localityKey(locality)}`;
}

/**
 * Checks groups of hosts.
 *
 * @param present - Sums of the weights of the hosts that groups are added to, by {@link placeKey}.
 * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every problem found.
 */
export function checkGroups(groups: readonly EndpointGroup[], present?: ReadonlyMap<string, number>): void {
  throwIssues(groupIssues(groups, present));
}

/**
 * Checks new values of single hosts.
 *
 * @throws {@link LbError} `ERR_LB_HOST_INVALID` with every problem found.
 */
export function checkChanges(changes: readonly HostChange[]): void {
  const issues: Issue[] = [];
  for (const [index, { weight }] of changes.entries()) {
    if (weight === undefined || isWeight(weight, 1)) continue;
    const message = `must be an integer from 1 to ${MAX_WEIGHT}, got ${weight}`;
    issues.push({ code: "ERR_LB_HOST_INVALID", path: `change[${index}].weight`, message });
  }
  throwIssues(issues);
}

function groupIssues(groups: readonly EndpointGroup[], present?: ReadonlyMap<string, number>): Issue[] {
  const issues: Issue[] = [];
  const report = (path: string, message: string): void => {
    issues.push({ code: "ERR_LB_HOST_INVALID", path, message });
  };
  const hostWeights = new Map(present);
  const localityWeights = new Map<number, Map<string, number>>();
  for (const [index, group] of groups.entries()) {
    const path = `endpoints[${index}]`;
    const priority = group.priority ?? 0;
    if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
      report(`${path}.priority`, `must be an integer from 0 to ${MAX_PRIORITY}, got ${priority}`);
    }
    if (!isWeight(group.weight ?? 0, 0)) {
      report(`${path}.load_balancing_weight`, `must be an integer from 0 to ${MAX_WEIGHT}, got ${group.weight}`);
    }
    const key = placeKey(priority, group.locality ?? {});
    const weights = localityWeights.get(priority) ?? new Map<string, number>();
    weights.set(key, group.weight ?? 0);
    localityWeights.set(priority, weights);
    for (const [position, entry] of group.hosts.entries()) {
      const host: HostOptions = typeof entry === "string" ? { address: entry } : entry;
      const hostPath = `${path}.lb_endpoints[${position}]`;
      if (typeof host.address !== "string" || host.address === "") {
        report(`${hostPath}.endpoint.address`, "must be a non-empty string");
      }
      if (!isWeight(host.weight ?? 1, 1)) {
        report(`${hostPath}.load_balancing_weight`, `must be an integer from 1 to ${MAX_WEIGHT}, got ${host.weight}`);
        continue;
      }
      const sum = (hostWeights.get(key) ?? 0) + (host.weight ?? 1);
      hostWeights.set(key, sum);
      if (sum > MAX_WEIGHT && sum - (host.weight ?? 1) <= MAX_WEIGHT) {
        report(`${hostPath}.load_balancing_weight`, `the sum of weights of a locality must not exceed ${MAX_WEIGHT}`);
      }
    }
  }
  for (const [priority, weights] of localityWeights) {
    let sum = 0;
    for (const weight of weights.values()) sum += weight;
    if (sum > MAX_WEIGHT) {
      report("endpoints", `the sum of locality weights of priority ${priority} must not exceed ${MAX_WEIGHT}`);
    }
  }
  return issues;
}

function isWeight(value: number, min: number): boolean {
  return Number.isInteger(value) && value >= min && value <= MAX_WEIGHT;
}
