import type { CircuitBreakerOptions } from "./circuit-breaker-options.js";
import type { Clock, Random } from "./clock.js";
import type { Cluster } from "./cluster.js";
import type { LbEvent } from "./event.js";
import type { HealthCheckOptions } from "./health-check.js";
import type { EndpointGroup, EndpointHealth, HostOptions, Locality, Metadata } from "./host.js";
import type { OutlierDetectionOptions } from "./outlier-options.js";
import type { Policy } from "./policy.js";

/** A share of requests that is refused before a host is chosen. */
export interface DropOverload {
  /** Name for statistics. */
  readonly category: string;
  /** Percent of requests, 0–100; fractions are exact to 1/10000 percent. */
  readonly percent: number;
}

/** A cluster: its hosts, how to choose among them, when to leave one out and how much to admit. */
export interface ClusterOptions {
  /** Name for events and statistics. Default: empty. */
  readonly name?: string;
  /** Hosts of priority 0 without localities: short for one {@link EndpointGroup}. */
  readonly hosts?: readonly (string | HostOptions)[];
  /** Hosts by locality and priority. */
  readonly endpoints?: readonly EndpointGroup[];
  /** How to choose. Default: `roundRobin()`. */
  readonly policy?: Policy;
  /** When to leave a host out for what it answers. Default: never. */
  readonly outlierDetection?: OutlierDetectionOptions;
  /** Limits by routing priority. Default: Envoy's (1024 of each, 3 retries). */
  readonly circuitBreakers?: readonly CircuitBreakerOptions[];
  /** Timing of active health checks. With it, hosts start unhealthy until a check passes. Default: none. */
  readonly healthCheck?: HealthCheckOptions;
  /** Hosts without a first check result are left out of every denominator. Default: false. */
  readonly ignoreNewHostsUntilFirstCheck?: boolean;
  /** Hosts that discovery drops go at once even while their check passes. Default: false. */
  readonly ignoreHealthOnHostRemoval?: boolean;
  /** Percent of available hosts below which a priority uses all its hosts. Default: 50, as in Envoy; 0 turns it off. */
  readonly healthyPanicThreshold?: number;
  /** Percent, above 0. Default: 140, as in Envoy. */
  readonly overprovisioningFactor?: number;
  /** Count weights instead of hosts in the health of a priority. Default: false. */
  readonly weightedPriorityHealth?: boolean;
  /** States in which a request's `overrideHost` is used. Default: UNKNOWN, HEALTHY and DEGRADED, as in Envoy. */
  readonly overrideHostStatus?: readonly EndpointHealth[];
  /** Shares of requests to refuse. Default: none. */
  readonly dropOverloads?: readonly DropOverload[];
  /** Milliseconds over which changes of health, weight and metadata are gathered. Default: 1000, as in Envoy; 0 applies at once. */
  readonly updateMergeWindowMs?: number;
  /** Where this process stands, for zone aware routing and to put its locality first. */
  readonly local?: LocalOptions;
  /**
   * Called for each ejection, return and health transition; must be quick. What it throws comes out of the call that
   * caused the event, after everything else is done.
   */
  readonly onEvent?: (event: LbEvent) => void;
}

/** Where a process stands. */
export interface LocalOptions {
  /** Its locality. */
  readonly locality: Locality;
  /** The cluster it belongs to, with the hosts that call beside it. Default: not known. */
  readonly cluster?: Cluster;
}

/** What a cluster needs from outside. */
export interface ClusterDeps {
  /** Monotonic time. */
  readonly clock: Clock;
  /** Every draw: seeds, priorities, hosts, enforcement, jitter. */
  readonly random: Random;
}

/** New values for one host; what is absent stays. */
export interface HostChange {
  /** Which host. */
  readonly address: string;
  /** New weight. */
  readonly weight?: number;
  /** New health according to the control plane. */
  readonly health?: EndpointHealth;
  /** New metadata, replacing the old as a whole. */
  readonly metadata?: Metadata;
}

/** A change of the hosts. `replace` gives the whole list; the others say what is different. */
export interface HostDelta {
  /** The complete new list: hosts with the same address stay themselves and keep what was learnt about them. */
  readonly replace?: readonly EndpointGroup[];
  /** Hosts to append. */
  readonly add?: readonly EndpointGroup[];
  /** Addresses to take out. */
  readonly remove?: readonly string[];
  /** Hosts whose weight, health or metadata changed. */
  readonly change?: readonly HostChange[];
}
