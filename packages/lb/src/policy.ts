import type { Clock, Random } from "./clock.js";
import type { Trace } from "./explain.js";
import type { Host, Locality } from "./host.js";
import type { Outcome, PickContext } from "./pick.js";
import type { PrioritySet } from "./priority-set.js";

/**
 * A way of choosing among hosts. The functions of this package (`roundRobin()`, `maglev({ … })` …) make them; so can
 * yours.
 */
export interface Policy {
  /** The name in the xDS API, such as `round_robin`. */
  readonly name: string;
  /** The options it was made with, for linters. */
  readonly options?: object;
  /** Makes the balancer of one cluster, or of one subset of it. */
  balancer(hosts: PrioritySet, env: BalancerEnv): Balancer;
}

/** What a balancer gets from its cluster. */
export interface BalancerEnv {
  /** Time in monotonic milliseconds. */
  readonly clock: Clock;
  /** Where every draw comes from. */
  readonly random: Random;
  /** Percent of available hosts below which a priority panics; 0 turns panic off. */
  readonly panicThresholdPercent: number;
  /** The caller's own zone and its peers, for zone aware routing. */
  readonly local?: LocalZone;
  /** Requests in flight over the whole cluster, for bounded load. */
  totalActive(): number;
  /** The host with this address, made if there is none: for policies that are told where to go. */
  discover?(address: string): Host;
  /** Takes out hosts that {@link BalancerEnv.discover} made. */
  forget?(addresses: readonly string[]): void;
  /** Counts an occurrence under one of Envoy's statistics names, such as `lb_healthy_panic`. */
  count(name: string): void;
  /** Sets a statistic that goes up and down. */
  gauge(name: string, value: number): void;
}

/** Hosts came, went or changed places. */
export interface MembershipChange {
  /** Tells the changes apart. */
  readonly kind: "membership";
  /** In which priority; in all when absent. */
  readonly priority?: number;
  /** Which hosts of that priority came or went, if it was only these; any when absent. */
  readonly hosts?: readonly Host[];
}

/** One host's flags changed. */
export interface HealthChange {
  /** Tells the changes apart. */
  readonly kind: "health";
  /** Which host. */
  readonly host: Host;
  /** The flags it had. */
  readonly oldFlags: number;
}

/** One host's weight changed, or its metadata and maybe its weight. */
export interface ValueChange {
  /** Tells the changes apart. */
  readonly kind: "weight" | "metadata";
  /** Which host. */
  readonly host: Host;
}

/** What changed in a priority set. */
export type HostsChange = MembershipChange | HealthChange | ValueChange;

/** Where the caller stands and who else calls from which zone. */
export interface LocalZone {
  /** The locality of this process. */
  readonly locality: Locality;
  /** The hosts of the cluster this process belongs to, if known. */
  readonly hosts?: PrioritySet;
}

/** Chooses hosts for one cluster or subset; keeps its own rotation state. */
export interface Balancer {
  /** A host, or nothing if none may be used. Writes what it considered to `trace` when there is one. */
  choose(context: PickContext, trace?: Trace): Host | undefined;
  /** Called after each change of the hosts. Should only note it: the next choice does the work. */
  refresh(change: HostsChange): void;
  /** Called once for each finished request, for policies that learn. */
  observe?(host: Host, outcome: Outcome, latencyMs: number, now: number): void;
  /** When {@link Balancer.tick} wants to be called next. */
  readonly nextTickAt?: number;
  /** Does what is due. */
  tick?(now: number): void;
  /** Rotation state as JSON. */
  snapshot?(): unknown;
  /** Takes over what {@link Balancer.snapshot} gave; state of hosts that are gone is left out. */
  restore?(state: unknown): void;
}
