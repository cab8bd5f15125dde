import type { FilterChain, Listener } from "@weftmesh/xds-types/envoy/config/listener/v3";
import { typeName, unknownExtension } from "./extension.js";
import { type ChainStep, ChainTree } from "./filter-chain/chain-tree.js";
import { compileCriteria, criteriaKey } from "./filter-chain/criteria.js";
import { compileConnectionInput } from "./match/connection-input.js";
import { compileTree, type Tree } from "./match/tree.js";
import type { Connection } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import { type Surroundings, type SurroundingsOptions, surroundingsOf } from "./surroundings.js";

/** Which filter chain takes a connection. */
export type FilterChainMatch =
  | {
      /** Tells the variants apart. */
      readonly kind: "chain";
      /** The chain's `name`. */
      readonly name: string;
      /** Position in `filter_chains`; −1 for the default chain. */
      readonly index: number;
      /** The FilterChain message. */
      readonly chain: FilterChain;
    }
  | {
      /** No chain fits: Envoy closes such a connection. */
      readonly kind: "none";
    };

/** How a filter chain was found. */
export interface FilterChainTrace {
  /** Each criterion in the order it is looked at, with the entry that was taken. */
  readonly steps: readonly ChainStep[];
  /** What came of it. */
  readonly match: FilterChainMatch;
}

/** The compiled filter chains of a listener. */
export interface FilterChains {
  /** Finds the chain for a connection. Never throws. */
  match(connection: Connection): FilterChainMatch;
  /** The same, with the way there. With a `filter_chain_matcher` there are no steps. */
  explain(connection: Connection): FilterChainTrace;
}

/** Options of {@link compileListener}. */
export interface ListenerOptions extends SurroundingsOptions {
  /** Where the listener stands in the user's input; put before each issue's path. */
  readonly path?: string | undefined;
}

const none: FilterChainMatch = { kind: "none" };

/**
 * Compiles the filter chains of a Listener.
 *
 * @throws {@link RouterError} with every problem found: the same and overlapping criteria, partial wildcards, bad addresses.
 */
export function compileListener(unchecked: Listener, options: ListenerOptions = {}): FilterChains {
  const scope = Scope.root(options.path);
  const listener = checkShape(unchecked, "envoy.config.listener.v3.Listener", scope);
  const surroundings = surroundingsOf(options);
  const chains = listener.filterChains ?? [];
  const results = chains.map(
    (chain, index): FilterChainMatch => ({ kind: "chain", name: chain.name ?? "", index, chain }),
  );
  const fallback = listener.defaultFilterChain;
  const otherwise: FilterChainMatch =
    fallback === undefined ? none : { kind: "chain", name: fallback.name ?? "", index: -1, chain: fallback };
  if (listener.filterChainMatcher !== undefined) {
    const tree = compileChainMatcher(listener, scope, surroundings);
    scope.throwIfRefused();
    const byName = new Map(chains.map((chain, i) => [chain.name ?? "", results[i] as FilterChainMatch]));
    const match = (connection: Connection): FilterChainMatch => {
      const name = tree(connection);
      return (name === undefined ? undefined : byName.get(name)) ?? otherwise;
    };
    return { match, explain: (connection) => ({ steps: [], match: match(connection) }) };
  }
  const tree = compileChains(chains, scope);
  scope.throwIfRefused();
  const find = (connection: Connection, steps?: ChainStep[]): FilterChainMatch => {
    const index = tree.find(connection, steps);
    return index === undefined ? otherwise : (results[index] as FilterChainMatch);
  };
  return {
    match: (connection) => find(connection),
    explain(connection) {
      const steps: ChainStep[] = [];
      const match = find(connection, steps);
      return { steps, match };
    },
  };
}

function compileChains(chains: readonly FilterChain[], scope: Scope): ChainTree {
  const tree = new ChainTree();
  const seen = new Map<string, number>();
  chains.forEach((chain, i) => {
    const where = scope.item("filter_chains", i).field("filter_chain_match");
    const criteria = compileCriteria(chain.filterChainMatch ?? {}, where);
    const key = criteriaKey(criteria);
    const same = seen.get(key);
    if (same !== undefined) {
      where.report("ERR_ROUTER_FILTER_CHAIN_OVERLAP", `has the same matching rules as filter_chains[${same}]`);
      return;
    }
    seen.set(key, i);
    if (!tree.add(criteria, i)) {
      where.report("ERR_ROUTER_FILTER_CHAIN_OVERLAP", "overlaps with the matching rules of an earlier filter chain");
    }
  });
  return tree;
}

const chainName = "google.protobuf.StringValue";

function compileChainMatcher(listener: Listener, scope: Scope, surroundings: Surroundings): Tree<Connection, string> {
  return compileTree<Connection, string>(
    listener.filterChainMatcher ?? {},
    {
      input(config, where) {
        const input = compileConnectionInput(config);
        if (input !== undefined) return input;
        unknownExtension(typeName(config.typedConfig), where);
        return () => undefined;
      },
      action(config, where) {
        if (typeName(config.typedConfig) !== chainName) {
          unknownExtension(typeName(config.typedConfig), where);
          return undefined;
        }
        const message = config.typedConfig?.message;
        return typeof message === "string" ? message : (message as { readonly value?: string } | undefined)?.value;
      },
      keepMatching: false,
      surroundings,
    },
    scope.field("filter_chain_matcher"),
  );
}
