import { RouterError } from "./errors.js";
import type { PatternLibrary } from "./regex/patterns.js";

/**
 * Compiles without the code that reads patterns; only if that is refused because there are patterns, loads the code and compiles again.
 *
 * @param compile - Any compiler of `@weftmesh/router/core`; called once or twice.
 * @throws {@link RouterError} as `compile` does, with every problem found.
 *
 * @example
 * ```ts
 * import { compileRoutes, withPatterns } from "@weftmesh/router/core";
 *
 * const config = {
 *   virtualHosts: [
 *     { name: "shop", domains: ["*"], routes: [{ match: { safeRegex: { regex: "/cart/[0-9]+" } }, route: { cluster: "cart" } }] },
 *   ],
 * };
 * const table = await withPatterns((patterns) => compileRoutes(config, { patterns }));
 * console.log(table.stats()[0]?.routes); // 1
 * ```
 */
export async function withPatterns<T>(compile: (patterns: PatternLibrary | undefined) => T): Promise<T> {
  try {
    return compile(undefined);
  } catch (error) {
    const needed = error instanceof RouterError && error.issues.some(({ code }) => code === "ERR_ROUTER_REGEX_ENGINE");
    if (!needed) throw error;
  }
  const { patterns } = await import("./regex/library.js");
  return compile(patterns);
}
