/** Put before the runtime keys of route matches, so that a test's one key does not touch others. */
export const matchKeyPrefix = "match\0";

/**
 * The configuration as router_check_tool reads it: a route's `runtime_fraction` always has a key of its own kind, and its numerator is
 * at least 1.
 */
export function withMatchKeys<T>(config: T): T {
  return rewrite(config) as T;
}

function rewrite(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewrite);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, one] of Object.entries(value)) out[key] = key === "match" ? rewriteMatch(one) : rewrite(one);
  return out;
}

interface FractionLike {
  readonly runtimeKey?: string;
  readonly defaultValue?: { readonly numerator?: number };
}

function rewriteMatch(match: unknown): unknown {
  const fraction = (match as { readonly runtimeFraction?: FractionLike } | undefined)?.runtimeFraction;
  if (fraction === undefined) return match;
  return {
    ...(match as object),
    runtimeFraction: {
      ...fraction,
      runtimeKey: `${matchKeyPrefix}${fraction.runtimeKey ?? ""}`,
      defaultValue: { ...fraction.defaultValue, numerator: Math.max(1, fraction.defaultValue?.numerator ?? 0) },
    },
  };
}
