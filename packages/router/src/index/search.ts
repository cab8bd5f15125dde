import type { RequestFacts } from "../facts.js";
import type { CompiledRoute } from "../route.js";
import { type Candidates, type ListVisitor, offer } from "./candidates.js";

/**
 * Finds the earliest route that matches among lists in any order: each list is tested up to its first match, or to where an earlier one
 * is known. It is the only thing that a search allocates.
 */
export class EarliestMatch implements ListVisitor {
  /** Position of the earliest match so far; the number of routes if there is none. */
  best: number;
  /** Whether the lists that come now are of prefixes that the path is known to begin with. */
  begun = false;
  readonly #routes: readonly CompiledRoute[];
  readonly #facts: RequestFacts;

  constructor(routes: readonly CompiledRoute[], facts: RequestFacts) {
    this.best = routes.length;
    this.#routes = routes;
    this.#facts = facts;
  }

  take(candidates: Candidates | undefined): void {
    offer(candidates, this.#facts, this);
  }

  visit(list: readonly number[]): void {
    for (let i = 0; i < list.length; i++) {
      const index = list[i] as number;
      if (index >= this.best) return;
      if (!(this.#routes[index] as CompiledRoute).matches(this.#facts, this.begun)) continue;
      this.best = index;
      return;
    }
  }
}

/** Collects the lists, for a search that has to ask about each match in order. */
export class CollectedLists implements ListVisitor {
  readonly lists: (readonly number[])[] = [];
  /** Noted, not used: the lists are merged, and each match is tested whole. */
  begun = false;
  readonly #facts: RequestFacts;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
  }

  take(candidates: Candidates | undefined): void {
    offer(candidates, this.#facts, this);
  }

  visit(list: readonly number[]): void {
    this.lists.push(list);
  }
}
