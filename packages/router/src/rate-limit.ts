import type { RateLimit } from "@weftmesh/xds-types/envoy/config/route/v3";
import type { RateLimitDescriptor } from "./decision.js";
import type { RateLimitEntry, TypedConfig } from "./extension.js";
import type { RequestFacts } from "./facts.js";
import { configOfType } from "./filter-config.js";
import { compileFormat, type Format } from "./format/format.js";
import { jsonPath } from "./json.js";
import { type ActionRule, compileAction, type RateLimitFacts } from "./rate-limit-action.js";
import type { Scope } from "./scope.js";
import type { Surroundings } from "./surroundings.js";

/** A compiled RateLimit. */
export interface RateLimitRule {
  readonly stage: number;
  readonly disableKey: string;
  readonly hitsAddend: number | Format;
  readonly negativeHits: boolean;
  readonly limit: RateLimitDescriptor["limit"];
  readonly responseHeaders: RateLimitDescriptor["responseHeaders"];
  readonly onStreamDone: boolean;
  readonly actions: readonly ActionRule[];
  readonly limitPath: readonly string[] | undefined;
}

/** Compiles rate limits; an empty list counts as none. */
export function compileRateLimits(
  limits: readonly RateLimit[] | undefined,
  scope: Scope,
  surroundings: Surroundings,
): readonly RateLimitRule[] | undefined {
  if (limits === undefined || limits.length === 0) return undefined;
  return limits.map((limit, i): RateLimitRule => {
    const where = scope.item("rate_limits", i);
    const stage = limit.stage ?? 0;
    if (stage > 10) where.field("stage").report("ERR_ROUTER_FIELD_INVALID", `expected at most 10, got ${stage}`);
    if (limit.actions === undefined || limit.actions.length === 0) {
      where.field("actions").report("ERR_ROUTER_FIELD_INVALID", "expected at least one action, got none");
    }
    const override = limit.limit?.dynamicMetadata?.metadataKey;
    return {
      stage,
      disableKey: limit.disableKey ?? "",
      hitsAddend: compileHits(limit, where.field("hits_addend"), surroundings),
      negativeHits: limit.hitsAddend?.isNegativeHits === true,
      limit: fixedLimit(limit),
      responseHeaders: responseHeaders[String(limit.xRatelimitOption ?? 0)],
      onStreamDone: limit.applyOnStreamDone === true,
      actions: (limit.actions ?? []).map((action, j) => compileAction(action, where.item("actions", j), surroundings)),
      limitPath:
        override === undefined ? undefined : [override.key ?? "", ...(override.path ?? []).map((one) => one.key ?? "")],
    };
  });
}

/** The descriptors of one request: one from each limit, unless an action fails. */
export function descriptorsOf(
  rules: readonly RateLimitRule[],
  stage: number | undefined,
  facts: RequestFacts,
  route: RateLimitFacts,
): readonly RateLimitDescriptor[] {
  const out: RateLimitDescriptor[] = [];
  for (const rule of rules) {
    if (stage !== undefined && rule.stage !== stage) continue;
    const entries: RateLimitEntry[] = [];
    const failed = rule.actions.some((action) => {
      const result = action(facts, route);
      if (typeof result === "object") entries.push(result);
      return result === "fail";
    });
    if (failed || entries.length === 0) continue;
    const { stage: ruleStage, disableKey, onStreamDone, responseHeaders } = rule;
    const limit = limitOf(rule, facts) ?? rule.limit;
    const hits = typeof rule.hitsAddend === "number" ? rule.hitsAddend : hitsOf(rule.hitsAddend(route.input()));
    // A number that is none spoils the descriptor.
    if (hits === undefined) continue;
    const hitsAddend = rule.negativeHits ? -hits : hits;
    out.push({
      entries,
      stage: ruleStage,
      disableKey,
      hitsAddend,
      onStreamDone,
      ...(limit === undefined ? {} : { limit }),
      ...(responseHeaders === undefined ? {} : { responseHeaders }),
    });
  }
  return out;
}

function limitOf(rule: RateLimitRule, facts: RequestFacts): RateLimitDescriptor["limit"] {
  if (rule.limitPath === undefined) return undefined;
  const requestsPerUnit = jsonPath(facts.request.metadata, [...rule.limitPath, "requests_per_unit"]);
  const unit = jsonPath(facts.request.metadata, [...rule.limitPath, "unit"]);
  return typeof requestsPerUnit === "number" && typeof unit === "string" ? { requestsPerUnit, unit } : undefined;
}

const maxHits = 1_000_000_000;

/** `hits_addend`: a number, or a format string with one command. */
function compileHits({ hitsAddend }: RateLimit, scope: Scope, surroundings: Surroundings): number | Format {
  const format = hitsAddend?.format ?? "";
  if (format === "") return Number(hitsAddend?.number ?? 1n);
  if (hitsAddend?.number !== undefined)
    scope.report("ERR_ROUTER_FIELD_CONFLICT", "expected only one of number and format, got both");
  return compileFormat(format, "", scope.field("format"), surroundings);
}

function hitsOf(text: string): number | undefined {
  const hits = /^\d{1,10}$/.test(text) ? Number(text) : maxHits + 1;
  return hits <= maxHits ? hits : undefined;
}

const units = ["UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK"];

/** A limit that the route itself names. */
function fixedLimit({ limit }: RateLimit): RateLimitDescriptor["limit"] {
  const fixed = limit?.rateLimit;
  if (fixed === undefined) return undefined;
  const { requestsPerUnit = 0, unit = 0 } = fixed;
  return { requestsPerUnit, unit: typeof unit === "number" ? (units[unit] ?? "UNKNOWN") : unit };
}

/** By name and by number. */
const responseHeaders: Readonly<Record<string, RateLimitDescriptor["responseHeaders"]>> = {
  OFF: "off",
  1: "off",
  DRAFT_VERSION_03: "draft-03",
  2: "draft-03",
};

const perRoute = "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute";
const uses = ["OVERRIDE", "INCLUDE", "IGNORE"] as const;

/** How the rate-limit filter treats the host's limits: as its configuration for the route or the host says, else `OVERRIDE`. */
export function hostLimits(...levels: readonly { readonly config: RateLimited }[]): (typeof uses)[number] {
  for (const { config } of levels) {
    if (config.typedPerFilterConfig === undefined) continue;
    const found = configOfType<{ readonly vhRateLimits?: number | string }>(config.typedPerFilterConfig, perRoute);
    if (found === undefined) continue;
    const use = found.message.vhRateLimits ?? 0;
    return (typeof use === "number" ? uses[use] : uses.find((one) => one === use)) ?? "OVERRIDE";
  }
  return "OVERRIDE";
}

interface RateLimited {
  readonly typedPerFilterConfig?: Readonly<Record<string, TypedConfig>>;
}
