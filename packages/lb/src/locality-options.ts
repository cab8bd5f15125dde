/** Localities get traffic by their weights, scaled by how many of their hosts are available. */
export interface LocalityWeighted {
  /** Tells the two apart. */
  readonly kind: "locality-weighted";
}

/** Traffic stays in the caller's zone as far as that keeps the load on all hosts even. */
export interface ZoneAware {
  /** Tells the two apart. */
  readonly kind: "zone-aware";
  /** Percent of requests for which zones are looked at. Default: 100. */
  readonly routingEnabledPercent?: number;
  /** Hosts the upstream needs before zones are looked at. Default: 6, as in Envoy. */
  readonly minClusterSize?: number;
  /** No host instead of all hosts when there is panic. Default: false. */
  readonly failTrafficOnPanic?: boolean;
  /** Keep all traffic in the zone if it has this many healthy hosts; otherwise in proportion. Default: off. */
  readonly forceLocalZoneMinSize?: number;
  /** What a zone's share is measured by. Default: `"HEALTHY_HOSTS_NUM"`. */
  readonly localityBasis?: "HEALTHY_HOSTS_NUM" | "HEALTHY_HOSTS_WEIGHT";
}

/** How localities take part in a choice. */
export type LocalityMode = LocalityWeighted | ZoneAware;
