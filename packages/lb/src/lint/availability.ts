import type { ClusterOptions } from "../cluster-options.js";
import type { EndpointGroup } from "../host.js";
import { priorityLoads } from "../priority-load.js";
import { type LintFinding, note } from "./finding.js";

/** When priorities hand traffic on, when hosts that are out get it after all, and how checks come. */
export function lintAvailability(options: ClusterOptions, groups: readonly EndpointGroup[]): LintFinding[] {
  const hosts = groups.reduce((sum, group) => sum + group.hosts.length, 0);
  const levels = new Set(groups.map((group) => group.priority ?? 0)).size;
  const findings = levels > 1 ? lintFailover(options) : lintPanic(options, hosts);
  return [...findings, ...lintChecks(options, hosts)];
}

function lintFailover(options: ClusterOptions): LintFinding[] {
  const threshold = Math.trunc(options.healthyPanicThreshold ?? 50);
  const spill = 10_000 / (options.overprovisioningFactor ?? 140);
  const panic =
    threshold === 0
      ? ""
      : `, and uses all its hosts when fewer than ${threshold} % are and the others cannot take the rest`;
  const message = `a priority hands traffic on when fewer than ${spill.toFixed(1)} % of its hosts are available${panic}`;
  return [note("failover-point", "load_assignment.policy.overprovisioning_factor", message)];
}

/** Only where hosts can become unhealthy in the first place. */
function lintPanic(options: ClusterOptions, hosts: number): LintFinding[] {
  const threshold = options.healthyPanicThreshold ?? 50;
  if (threshold === 0 || hosts < 2) return [];
  if (options.outlierDetection === undefined && options.healthCheck === undefined) return [];
  const inPanic = (healthy: number): boolean => {
    const level = { hosts, healthy, degraded: 0, excluded: 0 };
    const overprovisioningFactor = options.overprovisioningFactor ?? 140;
    return priorityLoads([{ ...level, overprovisioningFactor }], threshold).panic[0] === true;
  };
  let enough = 0;
  for (let above = hosts; enough < above; ) {
    const middle = (enough + above) >> 1;
    if (inPanic(middle)) enough = middle + 1;
    else above = middle;
  }
  if (enough === 0) return [];
  const few = enough === 1 ? "none" : `fewer than ${enough}`;
  const message = `with ${few} of ${hosts} hosts healthy, all ${hosts} get traffic (${threshold} %)`;
  return [note("panic-point", "common_lb_config.healthy_panic_threshold", message)];
}

/** From how many hosts on checks that all start at once are worth a word. */
const HERD = 100;

function lintChecks({ healthCheck }: ClusterOptions, hosts: number): LintFinding[] {
  if (healthCheck === undefined || hosts < HERD || (healthCheck.initialJitterMs ?? 0) > 0) return [];
  const perSecond = (1000 * hosts) / healthCheck.intervalMs;
  const message = `none: the first checks of ${hosts} hosts start at once; later ones are ${perSecond.toFixed(1)} a second`;
  return [note("check-herd", "health_checks[0].initial_jitter", message)];
}
