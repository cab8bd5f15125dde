/** Which client a stream belongs to: what both sides need of `envoy.config.core.v3.Node`. */
export interface NodeIdentity {
  /** Unique name of the proxy. May be empty if the client sends none. */
  readonly id: string;
  /** The service the proxy belongs to. May be empty. */
  readonly cluster: string;
  /** Where it runs. */
  readonly locality?: Locality;
  /** Free-form facts about the proxy, plain JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** For example `envoy` or `gRPC Node Pure JS`. */
  readonly userAgentName?: string;
  /** The version in the user agent's own form. */
  readonly userAgentVersion?: string;
  /** What the client says it understands, for example `xds.config.resource-in-sotw`. */
  readonly clientFeatures?: readonly string[];
}

/** Where a proxy or endpoint runs. */
export interface Locality {
  /** For example `eu-west`. */
  readonly region?: string;
  /** For example `eu-west-1a`. */
  readonly zone?: string;
  /** A rack or hall inside the zone. */
  readonly subZone?: string;
}
