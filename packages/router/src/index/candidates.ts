import type { RequestFacts } from "../facts.js";
import type { Equality } from "../match/predicate.js";
import { equalitiesOf } from "../match/route-match.js";
import type { CompiledRoute } from "../route.js";

/** Routes that a request might match: positions in declaration order, or groups of them. */
export type Candidates = readonly number[] | Groups;

/** Takes the lists of positions that are left for a request. */
export interface ListVisitor {
  /** Takes a list; it is ascending. */
  visit(list: readonly number[]): void;
}

/** Shows what is left of candidates for a request. */
export function offer(candidates: Candidates | undefined, facts: RequestFacts, visitor: ListVisitor): void {
  if (candidates === undefined) return;
  if (candidates instanceof Groups) candidates.offer(facts, visitor);
  else visitor.visit(candidates);
}

/** Fewer routes than this are not worth grouping. */
const groupFrom = 8;

/**
 * Groups routes by the one input whose exact values tell them apart best, so that ten thousand routes under one path that differ by
 * a tenant header cost one look-up.
 */
export function groupCandidates(indices: readonly number[], routes: readonly CompiledRoute[]): Candidates {
  const key = indices.length < groupFrom ? undefined : bestKey(indices, routes);
  if (key === undefined) return indices;
  const byValue = new Map<string, number[]>();
  const rest: number[] = [];
  for (const index of indices) {
    const equality = equalities(routes[index]).find((one) => one.key === key);
    if (equality === undefined) rest.push(index);
    else {
      const list = byValue.get(equality.value);
      if (list === undefined) byValue.set(equality.value, [index]);
      else list.push(index);
    }
  }
  const groups = new Map([...byValue].map(([value, list]) => [value, groupWithout(list, routes, key)] as const));
  return new Groups(key, groups, rest.length === 0 ? undefined : groupCandidates(rest, routes));
}

/** Routes that share a value may still differ in another input. */
function groupWithout(indices: readonly number[], routes: readonly CompiledRoute[], used: string): Candidates {
  const key = indices.length < groupFrom ? undefined : bestKey(indices, routes);
  if (key === undefined || key === used) return indices;
  return groupCandidates(indices, routes);
}

function equalities(route: CompiledRoute | undefined): readonly Equality[] {
  // What gRPC makes of a field is not what the request holds.
  if (route?.config.match === undefined || route.profile === "grpc") return [];
  return equalitiesOf(route.config.match);
}

/** The input that leaves the fewest routes on average; `undefined` if grouping would not help. */
function bestKey(indices: readonly number[], routes: readonly CompiledRoute[]): string | undefined {
  const inputs = new Map<string, { count: number; readonly values: Set<string> }>();
  for (const index of indices) {
    const seen = new Set<string>();
    for (const { key, value } of equalities(routes[index])) {
      if (seen.has(key)) continue;
      seen.add(key);
      const input = inputs.get(key) ?? { count: 0, values: new Set<string>() };
      input.count++;
      input.values.add(value);
      inputs.set(key, input);
    }
  }
  let best: string | undefined;
  let least = indices.length / 2;
  for (const [key, { count, values }] of inputs) {
    const left = indices.length - count + count / values.size;
    if (values.size > 1 && left < least) {
      best = key;
      least = left;
    }
  }
  return best;
}

/** Routes grouped by the value of one input. */
class Groups {
  readonly #kind: string;
  readonly #name: string;
  readonly #byValue: ReadonlyMap<string, Candidates>;
  readonly #others: Candidates | undefined;

  constructor(key: string, byValue: ReadonlyMap<string, Candidates>, others: Candidates | undefined) {
    const space = key.indexOf(" ");
    this.#kind = key.slice(0, space);
    this.#name = key.slice(space + 1);
    this.#byValue = byValue;
    this.#others = others;
  }

  /** Shows the groups of the values that the input has in a request. A repeated value may show its group twice. */
  offer(facts: RequestFacts, visitor: ListVisitor): void {
    offer(this.#others, facts, visitor);
    if (this.#kind === "header") {
      this.#offerFields(facts, visitor);
      return;
    }
    const values = this.#kind === "query" ? facts.query : facts.cookies;
    const value = values.get(this.#name);
    if (value !== undefined) offer(this.#byValue.get(value), facts, visitor);
  }

  #offerFields(facts: RequestFacts, visitor: ListVisitor): void {
    const headers = facts.request.headers;
    const name = this.#name;
    if (name.charCodeAt(0) === 58 || name === "host" || headers.length > fewStrings) {
      for (const value of new Set(facts.headerValues(name))) offer(this.#byValue.get(value), facts, visitor);
      return;
    }
    for (let i = 0; i < headers.length; i += 2)
      if (headers[i] === name) offer(this.#byValue.get(headers[i + 1] as string), facts, visitor);
  }
}

/** Up to so many strings a header list is walked; beyond, it has an index. */
const fewStrings = 128;
