import type { RequestFacts } from "../facts.js";

/** One test of a request. Pure, and quick: it runs on every request that reaches it. */
export type Predicate = (facts: RequestFacts) => boolean;

/** A predicate that only one value of one input can pass, so that an index may group routes by that value. */
export interface Equality {
  /** Which input, for example `header x-tenant`; equal keys read the same thing. */
  readonly key: string;
  /** The one value. */
  readonly value: string;
}

/** How a predicate shows in a trace. */
export interface Explanation {
  /** The field, relative to the route's `match`: `headers[1]`. */
  readonly field: string;
  /** What it wants. */
  readonly expected: string;
  /** What the request has. */
  actual(facts: RequestFacts): string;
}
