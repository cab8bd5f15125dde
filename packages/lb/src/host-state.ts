import type { EwmaSnapshot } from "./ewma.js";
import type { CheckState } from "./health-check.js";
import type { EndpointHealth, HealthClass, Host, HostHealthCheck, HostOptions, Locality, Metadata } from "./host.js";
import { HostFlag } from "./host.js";
import type { HostColumns } from "./host-columns.js";
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
  healthCheck: HostHealthCheck | undefined;
  flags = 0;
  /** What the control plane says of it. */
  endpointHealth: EndpointHealth;
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
  /** Reported load, kept by policies that weigh by it. */
  orca: OrcaState | undefined = undefined;
  /** Where its numbers stand in the columns of its cluster. */
  slot: number;
  readonly columns: HostColumns;
  /** No longer listed; what its last requests report is of no use to anyone. */
  retired = false;

  constructor(options: HostOptions, locality: Locality, priority: number, now: number, columns: HostColumns) {
    this.address = options.address;
    this.hostname = options.hostname ?? "";
    this.locality = locality;
    this.priority = priority;
    this.weight = options.weight ?? 1;
    this.metadata = options.metadata ?? {};
    this.healthCheck = options.healthCheck;
    this.endpointHealth = options.health ?? "UNKNOWN";
    this.flags = withEndpointHealth(0, this.endpointHealth);
    this.slowStartFrom = now;
    this.columns = columns;
    this.slot = columns.take();
  }

  get activeRequests(): number {
    return this.columns.active[this.slot] as number;
  }

  set activeRequests(count: number) {
    this.columns.active[this.slot] = count;
  }

  /** Response time estimate and the time of its last value, kept by policies that choose by it. */
  latency(): EwmaSnapshot | undefined {
    const estimate = this.columns.latency[2 * this.slot] as number;
    if (Number.isNaN(estimate)) return undefined;
    return { estimate, updatedAt: this.columns.latency[2 * this.slot + 1] as number };
  }

  setLatency(estimate: number, updatedAt: number): void {
    if (this.slot === 0) return;
    this.columns.latency[2 * this.slot] = estimate;
    this.columns.latency[2 * this.slot + 1] = updatedAt;
  }

  /** Counts a request in flight. */
  begin(): void {
    if (this.slot === 0) this.slot = this.columns.take();
    const { active } = this.columns;
    active[this.slot] = (active[this.slot] as number) + 1;
  }

  /** Counts it out. */
  end(): void {
    const { active } = this.columns;
    active[this.slot] = (active[this.slot] as number) - 1;
    if (this.retired) this.release();
  }

  /** The host is listed no more: its slot goes back when its last request ends. */
  retire(): void {
    this.retired = true;
    this.release();
  }

  private release(): void {
    if (this.slot === 0 || this.activeRequests > 0) return;
    this.columns.give(this.slot);
    this.slot = 0;
  }

  get health(): HealthClass {
    return healthClass(this.flags);
  }

  get excluded(): boolean {
    return isExcluded(this.flags);
  }
}
