import type { Connection } from "./request.js";

/** Which filter chain takes a connection. */
export type FilterChainMatch =
  | {
      readonly kind: "chain";
      /** The chain's `name`. */
      readonly name: string;
      /** Position in `filter_chains`; −1 for the default chain. */
      readonly index: number;
      /** The FilterChain message. */
      readonly chain: object;
    }
  /** Envoy closes such a connection. */
  | { readonly kind: "none" };

/** The compiled filter chains of a listener. */
export interface FilterChains {
  /** Finds the chain for a connection. Never throws. */
  match(connection: Connection): FilterChainMatch;
}

/**
 * Compiles the filter chains of a Listener.
 *
 * @throws {@link RouterError} with every problem found.
 */
export function compileListener(listener: object): FilterChains {
  throw new TypeError(`not built: ${typeof listener}`);
}
