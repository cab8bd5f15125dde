import type { Cluster } from "@weftmesh/xds-types/envoy/config/cluster/v3";
import type { ClusterLoadAssignment } from "@weftmesh/xds-types/envoy/config/endpoint/v3";
import type { Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import type { RouteConfiguration } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { Secret } from "@weftmesh/xds-types/envoy/extensions/transport_sockets/tls/v3";

/**
 * Everything a proxy needs at one moment: complete (whatever a resource refers to is here), consistent (no part is newer
 * than what refers to it allows) and warmed (a cluster appears only with its endpoints, a listener only with its routes).
 *
 * Entries that did not change keep their identity from one set to the next, so `===` tells what to compile again.
 */
export interface ConfigSet {
  /** Counts the sets of this client, from 1. */
  readonly generation: number;
  /** By listener name. */
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
  /** By cluster name. */
  readonly clusters: ReadonlyMap<string, ClusterConfig>;
  /** What differs from the previous set; in the first one everything is added. */
  readonly changes: readonly ConfigChange[];
}

/** A listener with all it refers to. */
export interface ListenerConfig {
  /** The listener's name. */
  readonly name: string;
  /** The listener itself. */
  readonly listener: Listener;
  /** The route configurations its filter chains name, by that name. */
  readonly routes: ReadonlyMap<string, RouteConfiguration>;
  /** The secrets its transport sockets name, by that name. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

/** A cluster with all it refers to. */
export interface ClusterConfig {
  /** The cluster's name. */
  readonly name: string;
  /** The cluster itself. */
  readonly cluster: Cluster;
  /** For an EDS cluster what EDS says, for others their `load_assignment`; absent when there is neither. */
  readonly endpoints?: ClusterLoadAssignment;
  /** The secrets its transport sockets name, by that name. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

/** One difference between two sets. */
export interface ConfigChange {
  /** Which map, or which part of an entry, differs. */
  readonly kind: "listener" | "route" | "cluster" | "endpoints" | "secret";
  /** The resource's name. */
  readonly name: string;
  /** What happened to it. */
  readonly change: "added" | "updated" | "removed";
}
