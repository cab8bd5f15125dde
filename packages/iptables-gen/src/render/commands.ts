import { isBuiltIn } from "../chains.js";
import type { Rule } from "../rule.js";
import { iptablesWords, ruleSpecification } from "./iptables-words.js";

/** Arguments of one iptables call. */
export type Arguments = readonly string[];

/** One call a rule: first the chains, then the rules, in emission order. */
export function renderCommands(rules: readonly Rule[]): Arguments[] {
  return [...createChains(rules), ...rules.map((rule) => ["-t", rule.table, ...iptablesWords(rule)])];
}

/** Asks for each rule whether it is there. */
export function renderChecks(rules: readonly Rule[]): Arguments[] {
  return rules.map((rule) => ["-t", rule.table, "-C", rule.chain, ...ruleSpecification(rule)]);
}

/** Undoes the rules, last first; what stands in a chain of ours goes with the chain, jumps to other chains of ours first. */
export function renderCleanup(rules: readonly Rule[]): Arguments[] {
  const reversed = [...rules].reverse();
  const removed = reversed.filter(
    ({ chain, target }) => isBuiltIn(chain) || (target.kind === "jump" && !isBuiltIn(target.chain)),
  );
  const chains = new Map<string, Arguments[]>();
  for (const { table, chain } of reversed) {
    if (isBuiltIn(chain)) continue;
    chains.set(`${table} ${chain}`, [
      ["-t", table, "-F", chain],
      ["-t", table, "-X", chain],
    ]);
  }
  return [...removed.map(removal), ...[...chains.values()].flat()];
}

/** Arguments that delete a rule. */
export function removal(rule: Rule): Arguments {
  return ["-t", rule.table, "-D", rule.chain, ...ruleSpecification(rule)];
}

/** Rules that stop all TCP and UDP while the others are exchanged. */
export const GUARDRAILS: readonly Rule[] = ["INPUT", "FORWARD", "OUTPUT"].flatMap((chain) =>
  ["tcp", "udp"].map(
    (protocol): Rule => ({
      table: "filter",
      chain,
      families: ["ipv4", "ipv6"],
      position: 1,
      matches: [{ kind: "protocol", protocol }],
      target: { kind: "drop" },
      why: "Nothing passes while the rules are exchanged.",
    }),
  ),
);

function createChains(rules: readonly Rule[]): Arguments[] {
  const created = new Map<string, Arguments>();
  for (const { table, chain } of rules) {
    if (!isBuiltIn(chain)) created.set(`${table} ${chain}`, ["-t", table, "-N", chain]);
  }
  return [...created.values()];
}
