import type { ParameterConstraint } from "./dynamic-parameters.js";

/**
 * One resource as it travels: encoded once, shared by every stream that sends it.
 *
 * The protocol core never looks inside `value`.
 */
export interface EncodedResource {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** The name clients subscribe to; for a ClusterLoadAssignment its `cluster_name`. */
  readonly name: string;
  /**
   * Opaque, and derived from the content: two replicas, or one server before and after a restart, give the same
   * content the same version, so that a reconnecting delta client is not sent what it holds.
   */
  readonly version: string;
  /** The encoded message, that is `Any.value`. Not to be modified after it was handed over. */
  readonly value: Uint8Array;
  /** What the message refers to; a cluster's endpoints are sent again after it. Default: not known. */
  readonly references?: readonly Reference[];
  /** Further names that match a subscription; VHDS needs them. Default none. */
  readonly aliases?: readonly string[];
  /** For which clients this variant of the name is (xRFC TP2). Default for all. */
  readonly constraints?: ParameterConstraint;
  /** Milliseconds the client keeps the resource without hearing of it again. Default for ever. */
  readonly ttlMs?: number;
}

/** A mention of another resource. */
export interface Reference {
  /** The type of what is referred to. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** Where it is mentioned, in proto spelling: `filter_chains[0].filters[0].typed_config.rds.route_config_name`. */
  readonly path: string;
}

/** A resource as people write it: a message that still has to be encoded. `parseResources` of xds-types yields these. */
export interface MessageResource {
  /** Which type `message` is of. */
  readonly typeUrl: string;
  /** The name clients subscribe to. */
  readonly name: string;
  /** Plain data of that type. Treated as immutable: the same object is encoded once and then known by its identity. */
  readonly message: unknown;
  /** Further names that match a subscription. Default none. */
  readonly aliases?: readonly string[];
  /** For which clients this variant of the name is (xRFC TP2). Default for all. */
  readonly constraints?: ParameterConstraint;
  /** Milliseconds the client keeps the resource without hearing of it again. Default for ever. */
  readonly ttlMs?: number;
}

/**
 * What a subscription needs to know of a message type. Every message value of `@weftmesh/xds-types`, for example
 * `Cluster`, has this shape.
 */
export interface ResourceType<T> {
  /** For example `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
  readonly typeUrl: string;
  /** Reads the message; throws on bytes that are not one. */
  decode(bytes: Uint8Array): T;
  /** Reports what the structure rules of the schema refuse. Default: nothing is refused. */
  check?(message: T): readonly Finding[];
}

/** One problem of one resource. `Issue` of xds-types and of the compilers has this shape. */
export interface Finding {
  /** Where in the resource, in proto spelling: `virtual_hosts[0].routes[2].match.safe_regex`. Empty for the whole. */
  readonly path: string;
  /** What is wrong, in one line. */
  readonly message: string;
  /** Stable identifier of the rule, when there is one. */
  readonly code?: string;
  /** A warning does not refuse the resource. Default `"error"`. */
  readonly severity?: "error" | "warning";
}

/**
 * What an error says of a resource, for `validate`: the `issues` of the packages' errors, else its `path` and message.
 */
export function findingsOf(error: unknown): readonly Finding[] {
  const { issues, path, problem, message } = Object(error) as Readonly<Record<string, unknown>>;
  if (Array.isArray(issues) && issues.length > 0) return issues as readonly Finding[];
  // The message of an error of one problem begins with the path, which a finding has beside it.
  return [{ path: typeof path === "string" ? path : "", message: String(problem ?? message ?? error) }];
}
