import type { RegexMatcher } from "@weftmesh/xds-types/envoy/type/matcher/v3";
import { byteText } from "../ascii.js";
import type { Scope } from "../scope.js";

/** A compiled pattern. It works on latin1 text, one character a byte, as Envoy's RE2 does, in time linear in the text. */
export interface Regex {
  /** The pattern as bytes. */
  readonly pattern: string;
  /** Whether it matches the whole text. */
  test(text: string): boolean;
  /** The groups of a match of the whole text, the whole first; `undefined` without a match. */
  groups(text: string): readonly (string | undefined)[] | undefined;
  /** RE2's GlobalReplace. */
  replace(text: string, substitution: string): string;
}

/**
 * Runs patterns in place of the built-in automaton, for whole-text tests only: what is accepted, and what a replacement gives, stays
 * as it is. Gets the pattern's text as bytes; must match the whole text, in RE2's Latin-1 sense.
 */
export type RegexEngine = (pattern: string) => {
  /** Whether the pattern matches the whole text. */
  test(text: string): boolean;
};

/** A pattern that was refused: matches nothing, so that compilation can go on and find the next problem. */
export const refused: Regex = { pattern: "", test: () => false, groups: () => undefined, replace: (text) => text };

/** Patterns under one limit of program size. */
export interface Patterns {
  /** Compiles a configured pattern; one that RE2 does not accept, or too large a one, is reported. */
  compile(pattern: string, scope: Scope, ownLimit?: number): Regex;
  /** Compiles a pattern, as bytes, that this package has made out of a template; its size does not count. */
  trusted(pattern: string, scope: Scope): Regex;
}

/** A route, as far as its pattern goes. */
export interface PatternHolder {
  /** Its path test. */
  readonly path: { readonly regex?: Pick<Regex, "pattern"> | undefined };
}

/**
 * What reads and runs patterns; only handed on. It stands apart from everything else, so that a table without patterns does without its code:
 * `@weftmesh/router` brings it along, `@weftmesh/router/core` loads it when a table needs it.
 */
export interface PatternLibrary {
  /**
   * Starts a collection of patterns under a limit of program size.
   *
   * @internal
   */
  open(limit: number, engine: RegexEngine | undefined): Patterns;
  /**
   * What every text begins with that the pattern, given as bytes, matches; empty if nothing is certain.
   *
   * @internal
   */
  literalPrefix(pattern: string): string;
  /**
   * Matches the patterns of several routes together.
   *
   * @internal
   */
  combine(
    indices: readonly number[],
    routes: readonly PatternHolder[],
  ): {
    /** Positions of the routes whose pattern may match, ascending. */
    candidates(path: string): readonly number[];
  };
}

const missing: Patterns = {
  compile(pattern, scope) {
    scope.report("ERR_ROUTER_REGEX_ENGINE", `the engine for patterns is not loaded, got ${JSON.stringify(pattern)}`);
    return refused;
  },
  trusted: (_, scope) => missing.compile(byteText(scope.path), scope),
};

/** Stands where nobody has brought a library along: every pattern is refused. */
export const noPatterns: PatternLibrary = {
  open: () => missing,
  literalPrefix: () => "",
  combine: (indices) => ({ candidates: () => indices }),
};

/** Compiles a RegexMatcher. */
export function compileRegex(matcher: RegexMatcher, scope: Scope, surroundings: { readonly regexes: Patterns }): Regex {
  if (matcher.regex === undefined || matcher.regex === "") {
    scope.field("regex").report("ERR_ROUTER_FIELD_INVALID", "expected a pattern, got none");
    return refused;
  }
  return surroundings.regexes.compile(matcher.regex, scope.field("regex"), matcher.googleRe2?.maxProgramSize);
}
