import { CHAIN_PREFIX } from "../chains.js";
import { ruleKey } from "../normal-form.js";
import { familyRules } from "../rule-set.js";
import { readInput, rulesOf } from "./input.js";
import { readMachineRules, readRuleFile } from "./machine-rules.js";
import type { Terminal } from "./main.js";

/** `weft-iptables report [flags]`: how many packets each rule of ours took, with the reason it exists where the flags tell it. */
export function report(terminal: Terminal, argv: readonly string[]): number {
  const input = readInput(terminal, argv, [{ long: "rules", type: "string" }]);
  const file = input.text("rules");
  const saved = file === undefined ? readMachineRules(input.flags.settings.networkNamespace) : readRuleFile(file);
  const wanted = rulesOf(input, terminal);
  const lines: { family: string; table: string; chain: string; rule: string; packets: number; why: string }[] = [];
  for (const family of ["ipv4", "ipv6"] as const) {
    const reasons = new Map(familyRules(wanted, family).map((rule) => [ruleKey(rule), rule.why]));
    for (const { name: table, chains } of saved[family]) {
      for (const rule of chains.flatMap((chain) => chain.rules)) {
        const ours =
          rule.chain.startsWith(CHAIN_PREFIX) ||
          (rule.target.kind === "jump" && rule.target.chain.startsWith(CHAIN_PREFIX));
        if (!ours) continue;
        const why = reasons.get(ruleKey(rule)) ?? "";
        lines.push({ family, table, chain: rule.chain, rule: rule.words.join(" "), packets: rule.packets ?? 0, why });
      }
    }
  }
  if (input.has("json")) terminal.stdout(`${JSON.stringify(lines, null, 2)}\n`);
  else {
    for (const { family, table, chain, rule, packets, why } of lines) {
      terminal.stdout(
        `${String(packets).padStart(8)} ${family} ${table} ${chain} ${rule}${why === "" ? "" : `    # ${why}`}\n`,
      );
    }
  }
  return 0;
}
