import type { Decision, RouteContext, RouteInfo } from "./decision.js";
import type { DomainClass } from "./domain-index.js";
import type { RequestFacts } from "./facts.js";
import { findRoute } from "./find-route.js";
import { grpcMatch, grpcSkips } from "./grpc-profile.js";
import type { Explanation } from "./match/predicate.js";
import { explainMatch } from "./match/route-match.js";
import type { RouteRequest } from "./request.js";
import type { CompiledRoute } from "./route.js";
import type { CompiledTable } from "./route-table.js";
import { Scope } from "./scope.js";

/** One test that a route's match made. */
export interface TestTrace {
  /** The field, relative to the route's `match`: `headers[1]`, `prefix`. */
  readonly field: string;
  /** What it wants. */
  readonly expected: string;
  /** What the request has. */
  readonly actual: string;
}

/** What became of one route. */
export interface RouteTrace {
  /** Which route. */
  readonly route: RouteInfo;
  /** Whether every test passed. */
  readonly matched: boolean;
  /** The first test that failed; absent if all passed. */
  readonly failed?: TestTrace | undefined;
  /** How many of its tests failed in all. */
  readonly misses: number;
}

/** A virtual host the request's authority belongs to. */
export interface HostTrace {
  /** Its name. */
  readonly name: string;
  /** Which kind of domain matched; kinds come before length. */
  readonly class: DomainClass;
  /** The domain that matched, in lower case. */
  readonly domain: string;
  /** Whether it is the one that was taken. */
  readonly chosen: boolean;
}

/** Why a request was decided as it was. */
export interface Trace {
  /** The text that selected the host; absent if the request has none or it does not matter. */
  readonly authority?: string | undefined;
  /** Every class's candidate, best first. */
  readonly hosts: readonly HostTrace[];
  /** The routes of the chosen host in declaration order, up to the one that was taken. Of a matcher tree: those it named. */
  readonly routes: readonly RouteTrace[];
  /** Routes that failed by the fewest tests, closest first: at most five. */
  readonly nearMisses: readonly RouteTrace[];
  /** The decision itself, the same that `route()` gives. */
  readonly decision: Decision;
}

const maxNearMisses = 5;

/** Decides a request and says how. */
export function explainRoute(table: CompiledTable, request: RouteRequest, context: RouteContext): Trace {
  // The same facts for the decision and for its reasons: chance is drawn once, and each route is offered once.
  const accept = remembering(context.accept);
  const facts = table.factsOf(request, { ...context, accept });
  const decision = table.decide(facts);
  const host = table.hostOf(facts);
  const authority = table.authorityOf(facts);
  const hosts = table.hostCandidates(authority ?? "").map(
    (one): HostTrace => ({
      name: one.value.info.name,
      class: one.class,
      domain: one.domain,
      chosen: one.value === host,
    }),
  );
  if (host === undefined)
    return { authority, hosts: authority === undefined ? [] : hosts, routes: [], nearMisses: [], decision };
  const chosen = findRoute(host, facts, accept === undefined ? undefined : (route, more) => accept(route.info, more));
  const candidates = host.tree === undefined ? host.routes : (host.tree(facts) ?? []);
  const routes: RouteTrace[] = [];
  for (const route of candidates) {
    routes.push(traceRoute(route, facts));
    if (route === chosen) break;
  }
  const nearMisses = candidates
    .map((route) => traceRoute(route, facts))
    .filter((trace) => !trace.matched)
    .toSorted((a, b) => a.misses - b.misses)
    .slice(0, maxNearMisses);
  return { authority, hosts, routes, nearMisses, decision };
}

function remembering(accept: RouteContext["accept"]): RouteContext["accept"] {
  if (accept === undefined) return undefined;
  const answers = new Map<RouteInfo, boolean>();
  return (route, more) => {
    const answer = answers.get(route) ?? accept(route, more);
    answers.set(route, answer);
    return answer;
  };
}

function traceRoute(route: CompiledRoute, facts: RequestFacts): RouteTrace {
  const failing = route.tests.map((test, i) => (test(facts) ? -1 : i)).filter((i) => i >= 0);
  const pathFails = !route.path.test(facts);
  const misses = failing.length + (pathFails ? 1 : 0);
  if (misses === 0) return { route: route.info, matched: true, misses };
  const [first] = failing;
  const explanation = first === undefined ? undefined : explanationsOf(route)[first];
  if (explanation !== undefined) {
    const { field, expected } = explanation;
    return {
      route: route.info,
      matched: false,
      failed: { field, expected, actual: explanation.actual(facts) },
      misses,
    };
  }
  return { route: route.info, matched: false, failed: pathTrace(route, facts), misses };
}

/** The explanations of a route's tests, in their order. */
function explanationsOf({ config, profile }: CompiledRoute): readonly Explanation[] {
  const match = config.match ?? {};
  if (profile === "envoy") return explainMatch(match);
  if (!grpcSkips(match, config.route)) return explainMatch(grpcMatch(match, Scope.root()));
  const actual = (): string => "query_parameters or cluster_header";
  return [{ field: "", expected: "a route that gRPC does not pass over", actual }];
}

const pathFields = {
  prefix: "prefix",
  path: "path",
  "path-separated-prefix": "path_separated_prefix",
  regex: "safe_regex",
  template: "path_match_policy",
  connect: "connect_matcher",
  extension: "path_match_policy",
} as const;

function pathTrace(route: CompiledRoute, facts: RequestFacts): TestTrace {
  const { kind, value, fold } = route.path;
  const actual = facts.request.path === undefined ? "no path" : JSON.stringify(facts.matchPath);
  const expected =
    kind === "connect"
      ? "method CONNECT"
      : `${pathFields[kind]} ${JSON.stringify(value)}${fold ? ", ignoring case" : ""}`;
  return { field: pathFields[kind], expected, actual: kind === "connect" ? facts.request.method : actual };
}

/** The trace as lines for people. */
export function formatTrace(trace: Trace): string {
  const lines: string[] = [`authority ${trace.authority ?? "(none)"}`];
  for (const host of trace.hosts) {
    lines.push(`${host.chosen ? "*" : " "} host ${JSON.stringify(host.name)} by ${host.class} domain ${host.domain}`);
  }
  for (const one of trace.routes) lines.push(formatRoute(one));
  if (trace.routes.at(-1)?.matched !== true) {
    for (const one of trace.nearMisses)
      lines.push(`  near miss: ${labelOf(one.route)}, ${one.misses} of its tests failed`);
  }
  lines.push(`=> ${formatDecision(trace.decision)}`);
  return lines.join("\n");
}

function labelOf(route: RouteInfo): string {
  return route.name === "" ? route.path : `${route.path} (${route.name})`;
}

function formatRoute(trace: RouteTrace): string {
  if (trace.matched) return `* ${labelOf(trace.route)} matches`;
  const { field = "", expected = "", actual = "" } = trace.failed ?? {};
  return `  ${labelOf(trace.route)}: ${field}: expected ${expected}, got ${actual}`;
}

function formatDecision(decision: Decision): string {
  switch (decision.kind) {
    case "forward":
      return `forward to ${decision.cluster}`;
    case "redirect":
      return `redirect ${decision.status} to ${decision.location}`;
    case "direct-response":
      return `${decision.details} ${decision.status}`;
    case "no-route":
      return `no route: ${decision.reason}`;
  }
}
