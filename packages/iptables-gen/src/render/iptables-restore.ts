import { chainsToCreate } from "../chains.js";
import type { Family, Rule } from "../rule.js";
import { familyRules, type RuleSet } from "../rule-set.js";
import { iptablesWords } from "./iptables-words.js";

/**
 * Input for `iptables-restore --noflush` (IPv4) or `ip6tables-restore --noflush`: byte for byte what istio-iptables feeds it.
 *
 * Empty when the family has no rules. Values stand in the text as the user typed them; {@link checkOptions} refuses those that
 * would end a line.
 */
export function renderRestore(rules: RuleSet, family: Family): string {
  return renderTables(familyRules(rules, family));
}

/** Restore text of a list of rules of one family: tables sorted by name, chains before rules. */
export function renderTables(rules: readonly Rule[]): string {
  const tables = new Set(rules.map((rule) => rule.table));
  let text = "";
  for (const table of [...tables].sort()) {
    const inTable = rules.filter((rule) => rule.table === table);
    // The blank after the asterisk is the original's; both restore programs take it.
    text += `* ${table}\n`;
    for (const chain of chainsToCreate(inTable)) text += `-N ${chain}\n`;
    for (const rule of inTable) text += `${iptablesWords(rule).join(" ")}\n`;
    text += "COMMIT\n";
  }
  return text;
}
