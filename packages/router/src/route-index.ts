import type { RequestFacts } from "./facts.js";
import { type Candidates, groupCandidates } from "./index/candidates.js";
import { mergeAscending } from "./index/merge.js";
import { PrefixTrie } from "./index/prefix-trie.js";
import { CollectedLists, EarliestMatch } from "./index/search.js";
import type { PatternLibrary } from "./regex/patterns.js";
import type { CompiledRoute } from "./route.js";

/** Whether a matching route is taken. `more` says whether routes follow it in its list. */
export type Accept = (route: CompiledRoute, more: boolean) => boolean;

/** How the routes of one virtual host are found. */
export interface IndexStats {
  /** All routes. */
  readonly routes: number;
  /** Found by their whole path. */
  readonly exact: number;
  /** Found by the beginning of their path. */
  readonly prefix: number;
  /** Patterns without a literal beginning, matched together. */
  readonly patterns: number;
  /** Tested whatever the path is, unless a header, query parameter or cookie rules them out. */
  readonly residual: number;
  /** Whether the list is short enough to be scanned instead. */
  readonly scanned: boolean;
}

/** From here on, patterns without a literal beginning are matched together. */
const combineFrom = 4;

/** Up to here looking at every route is quicker than looking anything up. */
const scanBelow = 4;

/**
 * Finds the first matching route of a list without looking at every route, and without changing which one is first: every source of
 * candidates is in declaration order, they are merged by position, and each candidate still has to pass all its tests.
 */
export class RouteIndex {
  readonly #routes: readonly CompiledRoute[];
  readonly #exact = new Map<string, Candidates>();
  readonly #folded = new Map<string, Candidates>();
  readonly #prefixes = new PrefixTrie<Candidates>();
  readonly #foldedPrefixes = new PrefixTrie<Candidates>();
  readonly #residual: Candidates | undefined;
  readonly #patterns: ReturnType<PatternLibrary["combine"]> | undefined;
  readonly #scan: boolean;
  /** How many routes each source holds. */
  readonly stats: IndexStats;

  constructor(routes: readonly CompiledRoute[], library: PatternLibrary) {
    this.#routes = routes;
    this.#scan = routes.length <= scanBelow;
    const exact = new Map<string, number[]>();
    const folded = new Map<string, number[]>();
    const prefixes = new Map<string, number[]>();
    const foldedPrefixes = new Map<string, number[]>();
    const residual: number[] = [];
    const patterns: number[] = [];
    if (!this.#scan) {
      routes.forEach((route, i) => {
        const { path } = route;
        if (path.kind === "path") put(path.fold ? folded : exact, path.value, i);
        else {
          const beginning = beginningOf(route, library);
          const open = beginning === undefined || beginning === "";
          if (open && path.kind === "regex" && path.regex !== undefined) patterns.push(i);
          else if (open) residual.push(i);
          else put(path.fold ? foldedPrefixes : prefixes, beginning, i);
        }
      });
    }
    const group = (list: number[]): Candidates => groupCandidates(list, routes);
    for (const [path, list] of exact) this.#exact.set(path, group(list));
    for (const [path, list] of folded) this.#folded.set(path, group(list));
    for (const [prefix, list] of prefixes) this.#prefixes.set(prefix, group(list));
    for (const [prefix, list] of foldedPrefixes) this.#foldedPrefixes.set(prefix, group(list));
    // A few patterns are quicker one by one, and grouping by a header may spare them altogether.
    if (patterns.length < combineFrom) residual.push(...patterns.splice(0));
    residual.sort((a, b) => a - b);
    this.#patterns = patterns.length === 0 ? undefined : library.combine(patterns, routes);
    this.#residual = residual.length === 0 ? undefined : group(residual);
    const count = (map: ReadonlyMap<string, number[]>): number =>
      [...map.values()].reduce((sum, list) => sum + list.length, 0);
    this.stats = {
      routes: routes.length,
      exact: count(exact) + count(folded),
      prefix: count(prefixes) + count(foldedPrefixes),
      patterns: patterns.length,
      residual: residual.length,
      scanned: this.#scan,
    };
  }

  /** The first route in declaration order that matches and is accepted. */
  find(facts: RequestFacts, accept: Accept | undefined): CompiledRoute | undefined {
    if (this.#scan) return this.scan(facts, accept);
    const routes = this.#routes;
    if (accept === undefined) {
      const search = new EarliestMatch(routes, facts);
      this.#search(facts, search);
      return routes[search.best];
    }
    // Who accepts is asked about every match in declaration order.
    const collected = new CollectedLists(facts);
    this.#search(facts, collected);
    const found = mergeAscending(collected.lists, (i) => {
      const route = routes[i] as CompiledRoute;
      return route.matches(facts) && accept(route, i < routes.length - 1);
    });
    return found < 0 ? undefined : routes[found];
  }

  /** The same by looking at every route in turn: what the index must agree with. */
  scan(facts: RequestFacts, accept: Accept | undefined): CompiledRoute | undefined {
    const routes = this.#routes;
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i] as CompiledRoute;
      if (route.matches(facts) && (accept === undefined || accept(route, i < routes.length - 1))) return route;
    }
    return undefined;
  }

  /** Shows every route whose path and grouping input could match, those that are found most precisely first. */
  #search(facts: RequestFacts, search: EarliestMatch | CollectedLists): void {
    if (facts.request.path !== undefined) {
      search.take(this.#exact.get(facts.matchPath));
      if (this.#folded.size > 0) search.take(this.#folded.get(facts.lowerPath));
      search.begun = true;
      this.#prefixes.visit(facts.matchPath, search);
      if (this.#foldedPrefixes.size > 0) this.#foldedPrefixes.visit(facts.lowerPath, search);
      search.begun = false;
      // Templates are matched against the path as it came.
      if (facts.path !== facts.matchPath) this.#prefixes.visit(facts.path, search);
    }
    if (this.#patterns !== undefined) search.visit(this.#patterns.candidates(facts.matchPath));
    search.take(this.#residual);
  }
}

function put(map: Map<string, number[]>, key: string, index: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [index]);
  else list.push(index);
}

/** What every path that a route matches begins with; `undefined` if nothing is known. */
function beginningOf(route: CompiledRoute, library: PatternLibrary): string | undefined {
  const { path } = route;
  switch (path.kind) {
    case "prefix":
    case "path-separated-prefix":
    case "path":
      return path.value;
    case "regex":
      return path.regex === undefined ? undefined : library.literalPrefix(path.regex.pattern);
    case "template":
      return path.template === undefined ? undefined : library.literalPrefix(path.template.regex.pattern);
    case "connect":
    case "extension":
      return undefined;
  }
}
