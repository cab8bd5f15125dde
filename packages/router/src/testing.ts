/**
 * Matchers for tests of one's own route tables.
 *
 * @packageDocumentation
 */

import type { Decision } from "./decision.js";
import { formatTrace } from "./explain.js";
import { fixedRandom } from "./random.js";
import { createRequest, type RequestInit } from "./request.js";
import type { RouteTable } from "./route-table.js";

/** A request in a test: `GET http://host/path`, or its parts. */
export type TestRequest = string | (RequestInit & { readonly random?: number });

/** What a matcher says, in the form that vitest and jest expect. */
export interface MatcherResult {
  /** Whether it holds. */
  readonly pass: boolean;
  /** The text to print if that is not what was wanted. */
  message(): string;
}

/** Decides a request of a test. Chance is `random`, 0 unless given. */
export function routeTestRequest(table: RouteTable, request: TestRequest): Decision {
  const { init, random } = parts(request);
  return table.route(createRequest(init), { random: fixedRandom(random), now: 0 });
}

function parts(request: TestRequest): { readonly init: RequestInit; readonly random: number } {
  if (typeof request !== "string") return { init: request, random: request.random ?? 0 };
  const [method = "GET", url = "/"] = request.includes(" ") ? request.split(" ") : ["GET", request];
  return { init: { method, url }, random: 0 };
}

function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case "forward":
      return decision.cluster;
    case "redirect":
      return `redirect ${decision.location}`;
    case "direct-response":
      return `status ${decision.status}`;
    case "no-route":
      return "no route";
  }
}

/**
 * Matchers for `expect.extend`: `expect(table).toRoute("GET http://shop/cart", "cart")`. The second argument is a cluster,
 * `redirect URL`, `status NNN` or `no route`. A failure prints the whole trace.
 */
export const routeMatchers: {
  toRoute(table: RouteTable, request: TestRequest, expected: string): MatcherResult;
} = {
  toRoute(table, request, expected) {
    const { init, random } = parts(request);
    const trace = table.explain(createRequest(init), { random: fixedRandom(random), now: 0 });
    const found = describeDecision(trace.decision);
    return {
      pass: found === expected,
      message: () => `expected the request to come to ${expected}, got ${found}\n${formatTrace(trace)}`,
    };
  },
};

/** The part of chai that {@link routeAssertions} extends. */
export interface ChaiLike {
  /** The class of what `expect(…)` gives. */
  readonly Assertion: { readonly prototype: object };
}

/** The part of chai's tools for plugins that {@link routeAssertions} uses. */
export interface ChaiUtilsLike {
  /** Reads a flag of an assertion. */
  flag(assertion: object, name: string): unknown;
  /** Adds a method to all assertions. */
  addMethod(prototype: object, name: string, method: (this: ChaiAssertionLike, ...args: never[]) => unknown): void;
}

/** An assertion of chai's. */
export interface ChaiAssertionLike {
  /** Throws one of the two messages, depending on the outcome and on `not`. */
  assert(holds: boolean, message: string, negated: string): void;
}

/** What `expect(table).toRoute(…)` is followed by. */
export interface RouteAssertion {
  /** Asserts where the request comes to: a cluster, `redirect URL`, `status NNN` or `no route`. */
  to(expected: string): void;
}

/**
 * The same as a plugin of chai, which vitest's `expect` is made of: after `chai.use(routeAssertions)`,
 * `expect(table).toRoute("GET http://shop/cart").to("cart")`.
 */
export function routeAssertions(chai: ChaiLike, utils: ChaiUtilsLike): void {
  utils.addMethod(chai.Assertion.prototype, "toRoute", function (request: TestRequest): RouteAssertion {
    const table = utils.flag(this, "object") as RouteTable;
    return {
      to: (expected) => {
        const { pass, message } = routeMatchers.toRoute(table, request, expected);
        const text = message();
        this.assert(pass, text, `expected the request not to come to ${expected}\n${text}`);
      },
    };
  });
}
