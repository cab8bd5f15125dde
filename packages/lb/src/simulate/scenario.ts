import type { ClusterOptions } from "../cluster-options.js";
import type { EndpointHealth, Metadata } from "../host.js";

/** How a simulated server behaves. */
export interface ServerOptions {
  /** Mean time to serve a request in milliseconds. Default: 10. */
  readonly serviceMs?: number;
  /** Whether that time is the same for all requests or drawn around the mean. Default: `"exponential"`. */
  readonly distribution?: "constant" | "exponential";
  /** Requests served at a time; others wait. Default: 8. */
  readonly concurrency?: number;
  /** Share of requests answered with 503, 0–1. Default: 0. */
  readonly failureRate?: number;
  /** Time a failed answer takes in milliseconds. Default: 1. */
  readonly failureMs?: number;
}

/** Servers that are alike. */
export interface ServerGroup extends ServerOptions {
  /** Their addresses are `<name>-<number>`, counted from 0. */
  readonly name: string;
  /** How many. Default: 1. */
  readonly count?: number;
  /** Weight of each in the balancer. Default: 1. */
  readonly weight?: number;
  /** Priority of each. Default: 0. */
  readonly priority?: number;
  /** Zone of each. Default: none. */
  readonly zone?: string;
  /** Their `envoy.lb` metadata. Default: none. */
  readonly metadata?: Metadata;
}

/** Something that happens on the way. How servers behave may change, but for their number of places. */
export interface ScenarioEvent extends Omit<ServerOptions, "concurrency"> {
  /** Seconds after the start. */
  readonly at: number;
  /** Servers it happens to: addresses or names of groups. */
  readonly hosts: readonly string[];
  /** Health the control plane reports from then on. */
  readonly health?: EndpointHealth;
  /** Takes the servers away. */
  readonly remove?: boolean;
  /** Brings them back, at the end of the list. */
  readonly add?: boolean;
}

/** A way of balancing that takes part in a comparison. */
export interface Candidate {
  /** For the report. */
  readonly name: string;
  /** Everything of a cluster but its hosts. Default: `{}`. */
  readonly options?: ClusterOptions;
}

/** What to play. */
export interface Scenario {
  /** For the report. */
  readonly name: string;
  /** Same seed, same report. Default: 1. */
  readonly seed?: number;
  /** Requests of all clients together, up to 20 million. */
  readonly requests: number;
  /** Their rate per second, all clients together. */
  readonly requestsPerSecond: number;
  /** Whether requests come evenly or at random. Default: `"poisson"`. */
  readonly arrivals?: "constant" | "poisson";
  /** Clients that balance on their own, each with a seed of its own. Default: 1. */
  readonly clients?: number;
  /** Further attempts after a failure, each on another host, as far as the cluster admits them. Default: 0. */
  readonly retries?: number;
  /** Different request hashes; 0 for requests without a hash. Default: 0. */
  readonly keys?: number;
  /** The servers. */
  readonly servers: readonly ServerGroup[];
  /** What happens to them. Default: nothing. */
  readonly events?: readonly ScenarioEvent[];
  /** What to compare. */
  readonly candidates: readonly Candidate[];
}
