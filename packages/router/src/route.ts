import type { Route } from "@weftmesh/xds-types/envoy/config/route/v3";
import { compileDirect, type DirectRule } from "./action/direct-response.js";
import { compileForward, type ForwardDefaults, type ForwardRule } from "./action/forward.js";
import { compileRedirect, type RedirectRule } from "./action/redirect.js";
import { type CorsRule, levelCors } from "./cors.js";
import type { RouteInfo } from "./decision.js";
import type { RequestFacts } from "./facts.js";
import { compileFilterConfigs, type FilterConfigs } from "./filter-config.js";
import { grpcSkips } from "./grpc-profile.js";
import { compileMutation } from "./header/mutation.js";
import type { Level } from "./level.js";
import type { PathTest } from "./match/path.js";
import type { Predicate } from "./match/predicate.js";
import { compileMatch } from "./match/route-match.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** A route without behaviour of its own: for gRPC servers, or for a filter that Envoy has not implemented. */
export interface PassiveRule {
  readonly kind: "passive";
}

/** What a route does. */
export type Rule = ForwardRule | RedirectRule | DirectRule | PassiveRule;

const passive: PassiveRule = { kind: "passive" };

const never: readonly Predicate[] = [() => false];

/** A compiled Route. */
export class CompiledRoute implements Level {
  /** The message. */
  readonly config: Route;
  /** Position in its host's list; −1 in a matcher tree. */
  readonly index: number;
  /** Whose rules its match follows. */
  readonly profile: "envoy" | "grpc";
  readonly tests: readonly Predicate[];
  readonly path: PathTest;
  readonly rule: Rule;
  readonly request: Level["request"];
  readonly response: Level["response"];
  readonly filterConfigs: FilterConfigs | undefined;
  readonly cors: CorsRule | undefined;
  readonly #place: string;
  #info: RouteInfo | undefined;

  constructor(
    config: Route,
    index: number,
    place: string,
    defaults: ForwardDefaults,
    maxBodyBytes: number,
    scope: Scope,
    surroundings: Surroundings,
  ) {
    this.config = config;
    this.index = index;
    this.#place = place;
    if (config.match === undefined)
      scope.field("match").report("ERR_ROUTER_FIELD_INVALID", "expected a match, got none");
    const match = compileMatch(config.match ?? { path: "" }, scope.field("match"), surroundings);
    this.profile = surroundings.profile;
    const skipped = surroundings.profile === "grpc" && grpcSkips(config.match, config.route);
    this.tests = skipped ? never : match.tests;
    this.path = match.path;
    this.rule = compileRule(config, match.path, defaults, maxBodyBytes, scope, surroundings);
    this.request = compileMutation(
      config.requestHeadersToAdd,
      config.requestHeadersToRemove,
      "request",
      scope,
      surroundings,
    );
    this.response = compileMutation(
      config.responseHeadersToAdd,
      config.responseHeadersToRemove,
      "response",
      scope,
      surroundings,
    );
    this.filterConfigs = compileFilterConfigs(config.typedPerFilterConfig, scope);
    this.cors = levelCors(config.typedPerFilterConfig, config.route?.cors, "route.cors", scope, surroundings);
  }

  /** Whether the request passes every test. `begun` as in {@link PathTest.test}. */
  matches(facts: RequestFacts, begun = false): boolean {
    const tests = this.tests;
    for (let i = 0; i < tests.length; i++) if (!(tests[i] as Predicate)(facts)) return false;
    return this.path.test(facts, begun);
  }

  /** Position of the first test that fails; the number of tests if the path does; −1 if none does. */
  firstMiss(facts: RequestFacts): number {
    const miss = this.tests.findIndex((test) => !test(facts));
    if (miss >= 0) return miss;
    return this.path.test(facts) ? -1 : this.tests.length;
  }

  /** What a decision says about the route. */
  get info(): RouteInfo {
    this.#info ??= {
      name: this.config.name ?? "",
      index: this.index,
      path: this.index < 0 ? this.#place : `${this.#place}.routes[${this.index}]`,
      pattern: { kind: this.path.kind, value: this.path.value },
      metadata: this.config.metadata?.filterMetadata ?? {},
      statPrefix: this.config.statPrefix ?? "",
    };
    return this.#info;
  }
}

function compileRule(
  config: Route,
  path: PathTest,
  defaults: ForwardDefaults,
  maxBodyBytes: number,
  scope: Scope,
  surroundings: Surroundings,
): Rule {
  // gRPC matches such a route, and then fails the call.
  if (surroundings.profile === "grpc" && (config.redirect !== undefined || config.directResponse !== undefined))
    return passive;
  if (config.route !== undefined)
    return compileForward(config.route, path, defaults, scope.field("route"), surroundings);
  if (config.redirect !== undefined)
    return compileRedirect(config.redirect, path, scope.field("redirect"), surroundings);
  if (config.directResponse !== undefined) {
    return compileDirect(config.directResponse, maxBodyBytes, scope.field("direct_response"), surroundings);
  }
  if (config.nonForwardingAction === undefined && config.filterAction === undefined) {
    scope.report("ERR_ROUTER_FIELD_INVALID", "expected an action, got none");
  }
  return passive;
}
