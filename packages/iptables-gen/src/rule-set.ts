import { captureRules } from "./capture.js";
import type { Options } from "./options.js";
import type { Family, Rule } from "./rule.js";

/** Rules with what they were made from. Renderers, the planner and the walk all start here. */
export interface RuleSet {
  /** The rules, in emission order, of both families. */
  readonly rules: readonly Rule[];
  /** What they were made from. */
  readonly options: Options;
}

/**
 * The rules for a set of options.
 *
 * @example
 * ```ts
 * import { DEFAULT_OPTIONS, generate, renderRestore } from "@weftmesh/iptables-gen";
 *
 * const rules = generate({ ...DEFAULT_OPTIONS, inboundPorts: "*", outboundRanges: "*" });
 * console.log(renderRestore(rules, "ipv4"));
 * ```
 */
export function generate(options: Options): RuleSet {
  return { rules: captureRules(options), options };
}

/** The rules of one family, in emission order. None for IPv6 when it is off. */
export function familyRules({ rules, options }: RuleSet, family: Family): readonly Rule[] {
  if (family === "ipv6" && !options.ipv6) return [];
  return rules.filter((rule) => rule.families.includes(family));
}
