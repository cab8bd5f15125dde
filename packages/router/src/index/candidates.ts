import type { RequestFacts } from "../facts.js";
import type { Equality } from "../match/predicate.js";
import { equalitiesOf } from "../match/route-match.js";
import type { CompiledRoute } from "../route.js";

/** Routes that a request might match: positions in declaration order, or groups of them. */
export type Candidates = readonly number[] | Groups;

/** Routes grouped by the value of one input. */
export interface Groups {
  /** Adds the lists that are left for a request. */
  collect(facts: RequestFacts, lists: (readonly number[])[]): void;
}

/** Adds what is left of candidates for a request. */
export function collect(candidates: Candidates | undefined, facts: RequestFacts, lists: (readonly number[])[]): void {
  if (candidates === undefined) return;
  if ("collect" in candidates) candidates.collect(facts, lists);
  else lists.push(candidates);
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
  const others = rest.length === 0 ? undefined : groupCandidates(rest, routes);
  const read = reader(key);
  return {
    collect(facts, lists) {
      collect(others, facts, lists);
      read(facts, (value) => collect(groups.get(value), facts, lists));
    },
  };
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

/** Reads the values that an input has in a request. */
function reader(key: string): (facts: RequestFacts, visit: (value: string) => void) => void {
  const space = key.indexOf(" ");
  const name = key.slice(space + 1);
  switch (key.slice(0, space)) {
    case "header":
      return (facts, visit) => {
        const values = facts.headerValues(name);
        // A repeated value must not offer its routes twice.
        if (values.length === 1) visit(values[0] as string);
        else for (const value of new Set(values)) visit(value);
      };
    case "query":
      return (facts, visit) => {
        const value = facts.query.get(name);
        if (value !== undefined) visit(value);
      };
    default:
      return (facts, visit) => {
        const value = facts.cookies.get(name);
        if (value !== undefined) visit(value);
      };
  }
}
