import type { RequestFacts } from "./facts.js";
import type { CompiledRoute } from "./route.js";

/** Whether a matching route is taken. `more` says whether routes follow it in its list. */
export type Accept = (route: CompiledRoute, more: boolean) => boolean;

/** Finds the first matching route of a list. */
export class RouteIndex {
  readonly #routes: readonly CompiledRoute[];

  constructor(routes: readonly CompiledRoute[]) {
    this.#routes = routes;
  }

  /** The first route in declaration order that matches and is accepted. */
  find(facts: RequestFacts, accept: Accept | undefined): CompiledRoute | undefined {
    return this.scan(facts, accept);
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
}
