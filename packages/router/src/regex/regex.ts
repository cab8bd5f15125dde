import type { RegexMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { RE2JS } from "re2js";
import type { Scope } from "../scope.js";
import type { Surroundings } from "../surroundings.js";

/** A compiled pattern, always matched against the whole text. */
export interface Regex {
  test(text: string): boolean;
  groups(text: string): readonly (string | undefined)[] | undefined;
  replace(text: string, substitution: string): string;
}
/** Runs patterns. */
export type RegexEngine = (pattern: string) => { test(text: string): boolean };

class Temp implements Regex {
  readonly #re: RE2JS;
  constructor(pattern: string) {
    this.#re = RE2JS.compile(pattern);
  }
  test(text: string): boolean {
    return this.#re.matches(text);
  }
  groups(text: string): readonly (string | undefined)[] | undefined {
    const m = this.#re.matcher(text);
    if (!m.matches()) return undefined;
    return Array.from({ length: m.groupCount() + 1 }, (_, i) => m.group(i) ?? undefined);
  }
  replace(text: string, substitution: string): string {
    return this.#re.matcher(text).replaceAll(substitution.replaceAll("$", "\\$").replaceAll(/\\(\d)/g, "$$$1"));
  }
}

/** Compiled patterns by text. */
export class RegexCache {
  readonly #cache = new Map<string, Regex>();
  compile(pattern: string, scope: Scope): Regex {
    try {
      return this.trusted(pattern);
    } catch (e) {
      scope.report("ERR_ROUTER_REGEX_SYNTAX", String(e));
      return { test: () => false, groups: () => undefined, replace: (t) => t };
    }
  }
  trusted(pattern: string): Regex {
    let found = this.#cache.get(pattern);
    if (found === undefined) this.#cache.set(pattern, (found = new Temp(pattern)));
    return found;
  }
}

/** Compiles a RegexMatcher. */
export function compileRegex(matcher: RegexMatcher, scope: Scope, surroundings: Surroundings): Regex {
  return surroundings.regexes.compile(matcher.regex ?? "", scope.field("regex"));
}
