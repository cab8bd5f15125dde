import type { NodeIdentity } from "./node.js";

/** Where a client gets its configuration and who it says it is. `readGrpcBootstrap` and `readEnvoyBootstrap` read one. */
export interface Bootstrap {
  /** In order of preference; later ones are fallbacks (gRFC A71). At least one. */
  readonly servers: readonly ServerConfig[];
  /** Who the client is. */
  readonly node: Partial<NodeIdentity> & { readonly id: string };
  /** Other servers for `xdstp://AUTHORITY/…` names, by authority. Default none. */
  readonly authorities?: Readonly<Record<string, Authority>>;
  /** Servers for `xdstp` names of any other authority, Envoy's `default_config_source`. Default: such names are refused. */
  readonly defaultServers?: readonly ServerConfig[];
  /** Node fields that go into the context of `xdstp` names, for `withNodeContext`. Default none. */
  readonly nodeContextParams?: readonly string[];
}

/** One management server. */
export interface ServerConfig {
  /** A gRPC target: `127.0.0.1:15010`, `unix:/run/xds.sock`, `dns:///control-plane:15010`. */
  readonly uri: string;
  /** Which protocol variant to speak. Default `"delta"`; gRPC's bootstrap means `"sotw"`. */
  readonly variant?: "sotw" | "delta";
  /** What the server promises, as in gRPC's `server_features`. Default none. */
  readonly features?: readonly string[];
  /** Names of channel credentials in order of preference, as in gRPC's `channel_creds`. Default: the caller decides. */
  readonly credentials?: readonly string[];
}

/** The servers of an `xdstp` authority. */
export interface Authority {
  /** In order of preference. Default: the top-level list. */
  readonly servers?: readonly ServerConfig[];
  /** gRPC's template for listener names, `%s` stands for the target's name. */
  readonly clientListenerResourceNameTemplate?: string;
}
