import type { Extensions } from "./extension.js";
import { noPatterns, type PatternLibrary, type Patterns, type RegexEngine } from "./regex/patterns.js";

/** What a runtime key holds. */
export type RuntimeValue =
  | number
  | string
  | boolean
  | {
      /** Out of the denominator; absent is 0. */
      readonly numerator?: number | undefined;
      /** `HUNDRED` (default), `TEN_THOUSAND` or `MILLION`. */
      readonly denominator?: string | undefined;
    };

/** Looks up a runtime key; absent means the key is not set. */
export type Runtime = (key: string) => RuntimeValue | undefined;

/** What several compilers share: everything from outside that a configuration refers to. */
export interface Surroundings {
  /** Runtime values. */
  readonly runtime: Runtime;
  /** Environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Reads a file; absent means there are none. */
  readonly readFile: ((path: string) => Uint8Array) | undefined;
  /** Known clusters; absent means any. */
  readonly clusters: ReadonlySet<string> | undefined;
  /** Metadata of clusters. */
  readonly clusterMetadata: (cluster: string) => Readonly<Record<string, unknown>> | undefined;
  /** The proxy's own cluster. */
  readonly localCluster: string;
  /** Which program's rules. */
  readonly profile: "envoy" | "grpc";
  /** Compiled patterns. */
  readonly regexes: Patterns;
  /** What reads and runs them. */
  readonly patterns: PatternLibrary;
  /** Registered extensions. */
  readonly extensions: Extensions;
}

/** The options that every compiler of this package takes. */
export interface SurroundingsOptions {
  /** Runtime values, asked per request. Default: none is set. */
  readonly runtime?: Runtime | undefined;
  /** Environment for `%ENVIRONMENT(X)%` and `environment_variable` bodies. Default: empty. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Reads files named by `filename` bodies, at compile time; throws if there is no such file. Default: none exists. */
  readonly readFile?: ((path: string) => Uint8Array) | undefined;
  /** Names of the clusters that exist. With it, a decision for another cluster is `cluster_not_found`, and `validate_clusters` is checked. */
  readonly clusters?: ReadonlySet<string> | undefined;
  /** A cluster's metadata by filter name, as plain JSON values, for `%CLUSTER_METADATA(…)%`. Default: none has any. */
  readonly clusterMetadata?: ((cluster: string) => Readonly<Record<string, unknown>> | undefined) | undefined;
  /** Name of the proxy's own cluster, for the `source_cluster` rate-limit action. Default: empty. */
  readonly localCluster?: string | undefined;
  /** `envoy` (default), or `grpc` for the rules that gRPC clients and servers follow (gRFC A28, A31, A36, A41, A42, A44). */
  readonly profile?: "envoy" | "grpc" | undefined;
  /** Envoy's `re2.max_program_size.error_level`. Default 100. */
  readonly maxProgramSize?: number | undefined;
  /** What reads patterns. Default: the package's own; `@weftmesh/router/core` has none until it is loaded. */
  readonly patterns?: PatternLibrary | undefined;
  /** Runs patterns in place of the built-in engine; what is accepted stays RE2's language. */
  readonly regexEngine?: RegexEngine | undefined;
  /** Implementations of extensions. */
  readonly extensions?: Partial<Extensions> | undefined;
}

/** Fills in the defaults. */
export function surroundingsOf(options: SurroundingsOptions): Surroundings {
  const patterns = options.patterns ?? noPatterns;
  return {
    runtime: options.runtime ?? (() => undefined),
    environment: options.environment ?? {},
    readFile: options.readFile,
    clusters: options.clusters,
    clusterMetadata: options.clusterMetadata ?? (() => undefined),
    localCluster: options.localCluster ?? "",
    profile: options.profile ?? "envoy",
    patterns,
    regexes: patterns.open(options.maxProgramSize ?? 100, options.regexEngine),
    extensions: {
      stringMatchers: {},
      pathMatchers: {},
      clusterSpecifiers: {},
      rateLimitDescriptors: {},
      rbacRules: {},
      accepted: [],
      ...options.extensions,
    },
  };
}
