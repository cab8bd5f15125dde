import type { Ewma } from "./ewma.js";
import type { CheckState } from "./health-check.js";
import type { EndpointHealth, HealthClass, Host, HostOptions, Locality, Metadata } from "./host.js";
import { HostFlag } from "./host.js";
import type { OrcaState } from "./orca.js";
import type { OutlierState } from "./outlier-state.js";

const UNHEALTHY =
  HostFlag.failedActiveHealthCheck |
  HostFlag.failedOutlierCheck |
  HostFlag.failedEdsHealth |
  HostFlag.edsStatusDraining |
  HostFlag.onProbation;
const DEGRADED = HostFlag.degradedActiveHealthCheck | HostFlag.degradedEdsHealth | HostFlag.degradedOutlierDetection;
const EXCLUDED =
  HostFlag.pendingActiveHealthCheck | HostFlag.excludedViaImmediateHealthCheckFail | HostFlag.edsStatusDraining;
const EDS = HostFlag.failedEdsHealth | HostFlag.degradedEdsHealth | HostFlag.edsStatusDraining;

/** The class a set of flags puts a host in. */
export function healthClass(flags: number): HealthClass {
  if (flags & UNHEALTHY) return "unhealthy";
  return flags & DEGRADED ? "degraded" : "healthy";
}

/** Whether flags leave a host out of denominators. */
export function isExcluded(flags: number): boolean {
  return (flags & EXCLUDED) !== 0;
}

/** Flags with the control plane's opinion replaced. */
export function withEndpointHealth(flags: number, health: EndpointHealth): number {
  const rest = flags & ~EDS;
  switch (health) {
    case "UNHEALTHY":
    case "TIMEOUT":
      return rest | HostFlag.failedEdsHealth;
    case "DRAINING":
      return rest | HostFlag.edsStatusDraining;
    case "DEGRADED":
      return rest | HostFlag.degradedEdsHealth;
    case "UNKNOWN":
    case "HEALTHY":
      return rest;
  }
}

/** A host with everything the package keeps about it. One shape for all, so that reading it stays fast. */
export class HostState implements Host {
  readonly address: string;
  readonly hostname: string;
  locality: Locality;
  priority: number;
  weight: number;
  metadata: Metadata;
  flags = 0;
  activeRequests = 0;
  /** Place in the lists of its priority: they are sorted by it. */
  ordinal = 0;
  /** The flags by which it stands in those lists; differs from `flags` while a merge window is open. */
  listedFlags = 0;
  /** When slow start began: on arrival, or on becoming healthy by an active check. */
  slowStartFrom: number;
  /** Counters of the outlier detector. */
  outlier: OutlierState | undefined = undefined;
  /** What active health checks found. */
  check: CheckState | undefined = undefined;
  /** Response time estimate, kept by policies that choose by it. */
  ewma: Ewma | undefined = undefined;
  /** Reported load, kept by policies that weigh by it. */
  orca: OrcaState | undefined = undefined;
  /** Weight that a policy computed from reports, in place of the configured one. */
  reportedWeight: number | undefined = undefined;

  constructor(options: HostOptions, locality: Locality, priority: number, now: number) {
    this.address = options.address;
    this.hostname = options.hostname ?? "";
    this.locality = locality;
    this.priority = priority;
    this.weight = options.weight ?? 1;
    this.metadata = options.metadata ?? {};
    this.flags = withEndpointHealth(0, options.health ?? "UNKNOWN");
    this.slowStartFrom = now;
  }

  get health(): HealthClass {
    return healthClass(this.flags);
  }

  get excluded(): boolean {
    return isExcluded(this.flags);
  }
}
