import type { RequestFacts } from "./facts.js";
import type { CompiledRoute } from "./route.js";
import type { Accept } from "./route-index.js";
import type { CompiledHost } from "./virtual-host.js";

/** The first route of a host that matches, out of its tree or its list. */
export function findRoute(
  host: CompiledHost,
  facts: RequestFacts,
  accept: Accept | undefined,
): CompiledRoute | undefined {
  if (host.tree === undefined) return host.index.find(facts, accept);
  const candidates = host.tree(facts) ?? [];
  return candidates.find(
    (route, i) => route.matches(facts) && (accept === undefined || accept(route, i < candidates.length - 1)),
  );
}
