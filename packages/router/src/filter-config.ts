import type { FilterConfigView } from "./decision.js";
import { type TypedConfig, typeName } from "./extension.js";
import type { Scope } from "./scope.js";

/** One level's configuration of one filter. */
interface LevelConfig {
  readonly config: unknown;
  readonly disabled: boolean | undefined;
}

/** One level's configurations, by filter instance name. */
export type FilterConfigs = ReadonlyMap<string, LevelConfig>;

const wrapper = "envoy.config.route.v3.FilterConfig";

interface FilterConfigMessage {
  readonly config?: TypedConfig;
  readonly isOptional?: boolean;
  readonly disabled?: boolean;
}

/** Reads `typed_per_filter_config`, unwrapping `FilterConfig`; `undefined` if there is none. */
export function compileFilterConfigs(
  configs: Readonly<Record<string, TypedConfig>> | undefined,
  scope: Scope,
): FilterConfigs | undefined {
  if (configs === undefined) return undefined;
  const levels = new Map<string, LevelConfig>();
  for (const name of Object.keys(configs)) {
    const config = configs[name] as TypedConfig;
    const where = scope.entry("typed_per_filter_config", name);
    if (typeName(config) !== wrapper) {
      levels.set(name, { config: messageOrRaw(config), disabled: undefined });
      continue;
    }
    const wrapped = config.message as FilterConfigMessage | undefined;
    if (wrapped === undefined) {
      where.report("ERR_ROUTER_EXTENSION_UNKNOWN", `expected a decoded ${wrapper}, got bytes`);
      continue;
    }
    if (wrapped.config === undefined && wrapped.disabled !== true) {
      where.report("ERR_ROUTER_FIELD_INVALID", "expected config or disabled, got neither");
      continue;
    }
    levels.set(name, {
      config: wrapped.config === undefined ? undefined : messageOrRaw(wrapped.config),
      disabled: wrapped.disabled,
    });
  }
  return levels.size === 0 ? undefined : levels;
}

// A filter that this package does not know gets its configuration as it came.
function messageOrRaw(config: TypedConfig): unknown {
  return config.message ?? config;
}

/** A message of the wanted type at one level, under whatever instance name; `undefined` if there is none. */
export function configOfType<T>(
  configs: Readonly<Record<string, TypedConfig>> | undefined,
  type: string,
): { readonly name: string; readonly message: T } | undefined {
  for (const name of Object.keys(configs ?? {})) {
    const config = configs?.[name];
    const inner = typeName(config) === wrapper ? (config?.message as FilterConfigMessage | undefined)?.config : config;
    if (typeName(inner) === type && inner?.message !== undefined) return { name, message: inner.message as T };
  }
  return undefined;
}

/** What a filter instance sees, given the levels from most to least specific. */
export function viewFilterConfig(
  name: string,
  levels: readonly (FilterConfigs | undefined)[],
): FilterConfigView | undefined {
  let config: unknown;
  let disabled: boolean | undefined;
  const all: unknown[] = [];
  for (const level of levels) {
    const found = level?.get(name);
    if (found === undefined) continue;
    // A level that only configures the filter switches it back on for itself.
    disabled ??= found.disabled ?? false;
    if (found.config === undefined) continue;
    config ??= found.config;
    all.unshift(found.config);
  }
  if (disabled === undefined) return undefined;
  return config === undefined ? { disabled, all } : { disabled, config, all };
}
