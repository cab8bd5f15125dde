import type { Action, RBAC } from "@weftmesh/xds-types/envoy/config/rbac/v3";
import type { RBAC as HttpRbac } from "@weftmesh/xds-types/envoy/extensions/filters/http/rbac/v3";
import type { RBAC as NetworkRbac } from "@weftmesh/xds-types/envoy/extensions/filters/network/rbac/v3";
import type { Matcher } from "@weftmesh/xds-types/xds/type/matcher/v3";
import { messageOf, typeName, unknownExtension } from "./extension.js";
import { RequestFacts } from "./facts.js";
import { compileHttpInput } from "./match/http-input.js";
import { compileTree, type TreeUse } from "./match/tree.js";
import { compilePermission, compilePrincipal, type RbacFacts, type RouteMetadata, type Rule } from "./rbac/rule.js";
import type { Connection, RouteRequest } from "./request.js";
import { Scope } from "./scope.js";
import { checkShape } from "./shape/check-shape.js";
import { type Surroundings, type SurroundingsOptions, surroundingsOf } from "./surroundings.js";

/** The verdict of one rule set. */
export interface RbacVerdict {
  /** Whether the request may pass. */
  readonly allowed: boolean;
  /** Name of the policy or matcher action that decided; absent if none matched. */
  readonly policy?: string | undefined;
  /** Whether a LOG rule asks to log the request. */
  readonly log: boolean;
}

/** What RBAC says about a request. */
export interface RbacDecision extends RbacVerdict {
  /** What the shadow rules would have said; absent without shadow rules. */
  readonly shadow?: RbacVerdict | undefined;
}

/** Compiled RBAC rules. */
export interface Rbac {
  /**
   * Judges a request. Never throws.
   *
   * @param routeMetadata - Metadata of the chosen route (`decision.route.metadata`), for rules that read it.
   */
  decide(request: RouteRequest, routeMetadata?: RouteMetadata): RbacDecision;
  /** Judges a connection, for the network filter: what rules ask of HTTP is absent. */
  decideConnection(connection: Connection): RbacDecision;
}

/** Options of {@link compileRbac}. */
export interface RbacOptions extends SurroundingsOptions {
  /** Where the rules stand in the user's input; put before each issue's path. */
  readonly path?: string | undefined;
}

const httpType = "envoy.extensions.filters.http.rbac.v3.RBAC";
const networkType = "envoy.extensions.filters.network.rbac.v3.RBAC";

/** The network filter's message has these fields besides the rules; what is neither counts as the HTTP filter's. */
function isNetwork(config: unknown): boolean {
  const own = ["statPrefix", "enforcementType", "delayDeny"];
  return typeof config === "object" && config !== null && own.some((name) => Object.hasOwn(config, name));
}

type Engine = (facts: RequestFacts, rbac: RbacFacts) => RbacVerdict;

const pass: RbacVerdict = { allowed: true, log: false };

/**
 * Compiles the configuration of Envoy's RBAC filter, the HTTP or the network one.
 *
 * @throws {@link RouterError} with every problem found.
 * @see https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/rbac_filter
 */
export function compileRbac(unchecked: HttpRbac | NetworkRbac, options: RbacOptions = {}): Rbac {
  const scope = Scope.root(options.path);
  const config = checkShape(unchecked, isNetwork(unchecked) ? networkType : httpType, scope);
  const surroundings = surroundingsOf(options);
  const engine = compileEngine(config.rules, config.matcher, scope, "", surroundings);
  const shadow = compileEngine(config.shadowRules, config.shadowMatcher, scope, "shadow_", surroundings);
  scope.throwIfRefused();
  const judge = (facts: RequestFacts, rbac: RbacFacts): RbacDecision => {
    const verdict = engine?.(facts, rbac) ?? pass;
    return shadow === undefined ? verdict : { ...verdict, shadow: shadow(facts, rbac) };
  };
  const context = { random: () => 0, now: 0 };
  return {
    decide: (request, routeMetadata) => judge(new RequestFacts(request, context, false), { routeMetadata }),
    decideConnection(connection) {
      const request = { method: "", scheme: "", headers: [], connection };
      return judge(new RequestFacts(request, context, false), { routeMetadata: undefined });
    },
  };
}

function compileEngine(
  rules: RBAC | undefined,
  matcher: Matcher | undefined,
  scope: Scope,
  prefix: string,
  surroundings: Surroundings,
): Engine | undefined {
  if (matcher !== undefined) return compileMatcher(matcher, scope.field(`${prefix}matcher`), surroundings);
  return rules === undefined ? undefined : compileRules(rules, scope.field(`${prefix}rules`), surroundings);
}

interface Policy {
  readonly name: string;
  readonly permissions: readonly Rule[];
  readonly principals: readonly Rule[];
}

/** Policies are looked at in the order of their names, as in Envoy's sorted map; the first match is the one reported. */
function compileRules(rules: RBAC, scope: Scope, surroundings: Surroundings): Engine {
  const policies = Object.keys(rules.policies ?? {})
    .sort()
    .map((name): Policy => {
      const policy = rules.policies?.[name] ?? {};
      const where = scope.entry("policies", name);
      if (policy.condition !== undefined || policy.checkedCondition !== undefined) {
        where.field("condition").report("ERR_ROUTER_UNSUPPORTED", "CEL conditions are not supported");
      }
      const permissions = (policy.permissions ?? []).map((one, i) =>
        compilePermission(one, where.item("permissions", i), surroundings),
      );
      const principals = (policy.principals ?? []).map((one, i) =>
        compilePrincipal(one, where.item("principals", i), surroundings),
      );
      if (permissions.length === 0)
        where.field("permissions").report("ERR_ROUTER_FIELD_INVALID", "expected at least one, got none");
      if (principals.length === 0)
        where.field("principals").report("ERR_ROUTER_FIELD_INVALID", "expected at least one, got none");
      return { name, permissions, principals };
    });
  const action = actionOf(rules.action);
  return (facts, rbac) => {
    const policy = policies.find(
      (one) => one.permissions.some((rule) => rule(facts, rbac)) && one.principals.some((rule) => rule(facts, rbac)),
    );
    return verdictOf(action, policy?.name);
  };
}

type ActionName = "ALLOW" | "DENY" | "LOG";

function actionOf(action: RBAC["action"]): ActionName {
  return typeof action === "number" ? ((["ALLOW", "DENY", "LOG"] as const)[action] ?? "ALLOW") : (action ?? "ALLOW");
}

function verdictOf(action: ActionName, policy: string | undefined): RbacVerdict {
  const matched = policy !== undefined;
  const log = action === "LOG" && matched;
  const allowed = action === "LOG" || (action === "ALLOW") === matched;
  return matched ? { allowed, policy, log } : { allowed, log };
}

const actionType = "envoy.config.rbac.v3.Action";

/** The matcher form: the action found decides, and none found denies. */
function compileMatcher(matcher: Matcher, scope: Scope, surroundings: Surroundings): Engine {
  const use: TreeUse<RequestFacts, RbacVerdict> = {
    input(config, where) {
      const input = compileHttpInput(config, where);
      if (input !== undefined) return input;
      unknownExtension(typeName(config.typedConfig), where);
      return () => undefined;
    },
    action(config, where) {
      const action = messageOf<Action>(config.typedConfig, actionType, where);
      if (action === undefined) {
        if (typeName(config.typedConfig) !== actionType) unknownExtension(typeName(config.typedConfig), where);
        return undefined;
      }
      const name = actionOf(action.action);
      return { allowed: name !== "DENY", policy: action.name ?? "", log: name === "LOG" };
    },
    keepMatching: true,
    surroundings,
  };
  const tree = compileTree(matcher, use, scope);
  return (facts) => tree(facts) ?? { allowed: false, log: false };
}
