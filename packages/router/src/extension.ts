import type { RequestFacts } from "./facts.js";
import type { StringTest } from "./match/string.js";
import type { RouteRequest } from "./request.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** An extension's configuration: `@weftmesh/xds-types` reads an `Any` as one of these. */
export interface TypedConfig {
  /** `type.googleapis.com/envoy…`. */
  readonly typeUrl?: string | undefined;
  /** The message, if its type is known. */
  readonly message?: unknown;
  /** The bytes, if it is not. */
  readonly value?: Uint8Array | undefined;
}

/** `TypedExtensionConfig`: a name and a configuration. */
export interface NamedConfig {
  /** Free text. */
  readonly name?: string | undefined;
  /** Its configuration. */
  readonly typedConfig?: TypedConfig | undefined;
}

/** Builds an extension from its message. Throws an `Error` whose message says what is wrong with the configuration. */
export type ExtensionFactory<T> = (config: unknown) => T;

/** Chooses a cluster for a request; `undefined` is no route. */
export type ClusterSpecifier = (facts: RequestFacts) => string | undefined;

/** One entry of a rate-limit descriptor. */
export interface RateLimitEntry {
  /** What the entry is about. */
  readonly key: string;
  /** Its value for this request. */
  readonly value: string;
}

/** A rate-limit descriptor's entry for a request; `skip` adds none, `fail` drops the whole descriptor. */
export type RateLimitDescriber = (facts: RequestFacts) => RateLimitEntry | "skip" | "fail";

/** Implementations of extension points, by type URL without its `type.googleapis.com/`. */
export interface Extensions {
  /** `StringMatcher.custom`. */
  readonly stringMatchers: Readonly<Record<string, ExtensionFactory<StringTest>>>;
  /** `RouteMatch.path_match_policy`, beside the built-in URI templates. Gets the path without query. */
  readonly pathMatchers: Readonly<Record<string, ExtensionFactory<(path: string) => boolean>>>;
  /** Cluster specifier plugins. */
  readonly clusterSpecifiers: Readonly<Record<string, ExtensionFactory<ClusterSpecifier>>>;
  /** Actions of rate limits. */
  readonly rateLimitDescriptors: Readonly<Record<string, ExtensionFactory<RateLimitDescriber>>>;
  /** `Permission.matcher` and `Principal.custom` of RBAC. */
  readonly rbacRules: Readonly<Record<string, ExtensionFactory<(request: RouteRequest) => boolean>>>;
  /** Types that may stand where a proxy implements the extension: retry predicates and priorities, early data policies. */
  readonly accepted: readonly string[];
}

const prefix = /^.*\//;

/** The message type of an `Any`: what follows the last slash of its URL. */
export function typeName(config: TypedConfig | undefined): string {
  return (config?.typeUrl ?? "").replace(prefix, "");
}

/**
 * The message of an `Any` of the wanted type. An opaque one is reported: its bytes must have been decoded before.
 *
 * @returns `undefined` if it has another type or is opaque.
 */
export function messageOf<T>(config: TypedConfig | undefined, type: string, scope: Scope): T | undefined {
  if (typeName(config) !== type) return undefined;
  if (config?.message === undefined) {
    scope.report("ERR_ROUTER_EXTENSION_UNKNOWN", `expected a decoded ${type}, got bytes`);
    return undefined;
  }
  return config.message as T;
}

/** Looks an extension up and builds it; an unknown one, or a configuration it refuses, is reported. */
export function buildExtension<T>(
  factories: Readonly<Record<string, ExtensionFactory<T>>>,
  config: TypedConfig | undefined,
  scope: Scope,
): T | undefined {
  const type = typeName(config);
  const factory = Object.hasOwn(factories, type) ? factories[type] : undefined;
  if (factory === undefined) {
    unknownExtension(type, scope);
    return undefined;
  }
  try {
    return factory(config?.message);
  } catch (error) {
    scope.report("ERR_ROUTER_FIELD_INVALID", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Reports an extension nobody implements. */
export function unknownExtension(type: string, scope: Scope): void {
  scope.report("ERR_ROUTER_EXTENSION_UNKNOWN", `no implementation is registered for ${JSON.stringify(type)}`);
}

/** A custom string matcher; one that cannot be built never matches. */
export function customStringTest(config: NamedConfig, scope: Scope, surroundings: Surroundings): StringTest {
  return buildExtension(surroundings.extensions.stringMatchers, config.typedConfig, scope) ?? (() => false);
}
