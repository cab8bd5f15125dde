import type { Decision, RouteContext } from "./decision.js";
import type { RouteRequest } from "./request.js";

/** What a runtime key holds. */
export type RuntimeValue = number | string | boolean | { readonly numerator?: number; readonly denominator?: string };

/** Looks up a runtime key; absent means the key is not set. */
export type Runtime = (key: string) => RuntimeValue | undefined;

/** Surroundings of a table; everything is optional. */
export interface RouteOptions {
  /** Names of the clusters that exist. With it, a decision for another cluster is `cluster_not_found`, and `validate_clusters` is checked. */
  readonly clusters?: ReadonlySet<string> | undefined;
  /** Whether unknown clusters refuse the table when the table itself does not say: Envoy's default is true for static tables, false over RDS. Default false. */
  readonly validateClusters?: boolean | undefined;
  /** Runtime values, asked per request. Default: none is set. */
  readonly runtime?: Runtime | undefined;
  /** Environment for `%ENVIRONMENT(X)%` and `environment_variable` bodies. Default: empty. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Reads files named by `filename` bodies, at compile time. Default: none exists. */
  readonly readFile?: ((path: string) => Uint8Array) | undefined;
  /** `envoy` (default), or `grpc` for the rules that gRPC clients and servers follow. */
  readonly profile?: "envoy" | "grpc" | undefined;
  /** Envoy's `re2.max_program_size.error_level`. Default 100. */
  readonly maxProgramSize?: number | undefined;
  /** Where the configuration stands in the user's input; put before each issue's path. */
  readonly path?: string | undefined;
}

/** A compiled, immutable RouteConfiguration. */
export interface RouteTable {
  /** The table's `name`. */
  readonly name: string;
  /** Decides one request. Never throws; the same arguments give the same answer. */
  route(request: RouteRequest, context: RouteContext): Decision;
}

/**
 * Compiles a RouteConfiguration.
 *
 * @param config - The message, as `@weftmesh/xds-types` reads it.
 * @throws {@link RouterError} with every problem found.
 */
export function compileRoutes(config: object, options: RouteOptions = {}): RouteTable {
  throw new TypeError(`not built: ${typeof config} ${typeof options}`);
}
