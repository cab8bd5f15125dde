import { isBuiltIn } from "../chains.js";
import { type IdResolver, normalRule } from "../normal-form.js";
import type { Family, Match, Rule, Table } from "../rule.js";
import { familyRules, type RuleSet } from "../rule-set.js";
import { ruleSpecification } from "./iptables-words.js";

/** Built-in chains of each table, in the order they are printed. */
export const BUILT_IN_CHAINS: Readonly<Record<Table, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
};

/**
 * What `iptables-save` prints on a machine that has nothing but these rules, without counters and comments: the form to compare a
 * machine's own output with.
 */
export function renderSave(ruleSet: RuleSet, family: Family, ids?: IdResolver): string {
  const rules = familyRules(ruleSet, family);
  const tables = [...new Set(rules.map(({ table }) => table))].sort();
  return tables
    .map((table) => renderSavedTable(table, placeRules(rules.filter((rule) => rule.table === table)), ids))
    .join("");
}

/** Rules by chain in the order packets meet them: inserts applied, chains that are only jumped to included. */
export function placeRules(rules: readonly Rule[]): Map<string, Rule[]> {
  const chains = new Map<string, Rule[]>();
  const chain = (name: string): Rule[] => {
    const known = chains.get(name) ?? [];
    chains.set(name, known);
    return known;
  };
  for (const rule of rules) {
    const placed = chain(rule.chain);
    placed.splice(rule.position === undefined ? placed.length : rule.position - 1, 0, rule);
    if (rule.target.kind === "jump") chain(rule.target.chain);
  }
  return chains;
}

/** One table as it is printed: built-in chains first, others sorted. */
export function renderSavedTable(table: Table, chains: ReadonlyMap<string, readonly Rule[]>, ids?: IdResolver): string {
  const own = [...chains.keys()].filter((name) => !isBuiltIn(name)).sort();
  const names = [...BUILT_IN_CHAINS[table], ...own];
  const lines = names.flatMap((name) =>
    (chains.get(name) ?? []).map((rule) => `-A ${name} ${savedWords(rule, ids).join(" ")}\n`),
  );
  const headers = names.map((name) => `:${name} ${isBuiltIn(name) ? "ACCEPT" : "-"}\n`);
  return `*${table}\n${headers.join("")}${lines.join("")}COMMIT\n`;
}

/** The words after the chain, as the kernel prints them back. */
export function savedWords(rule: Rule, ids?: IdResolver): string[] {
  const normal = normalRule(rule, ids);
  const matches = normal.matches.flatMap(withModule);
  return [...ruleSpecification({ ...normal, matches, target: { kind: "continue" } }), ...savedTarget(normal)];
}

/** A single port is a condition of the protocol's module, which is printed. */
function withModule(match: Match): readonly Match[] {
  const port = match.kind === "source-port" || match.kind === "destination-port";
  if (!port || match.ports.length !== 1) return [match];
  return [{ kind: "opaque", words: ["-m", match.protocol] }, match];
}

function savedTarget(rule: Rule): readonly string[] {
  const { target } = rule;
  switch (target.kind) {
    case "redirect":
      return ["-j", "REDIRECT", "--to-ports", target.port];
    case "set-mark":
      return ["-j", "MARK", "--set-xmark", withMask(target.mark)];
    case "save-mark":
    case "restore-mark":
      return ["-j", "CONNMARK", `--${target.kind}`, "--nfmask", "0xffffffff", "--ctmask", "0xffffffff"];
    case "tproxy": {
      const anywhere = rule.families[0] === "ipv6" ? "::" : "0.0.0.0";
      return ["-j", "TPROXY", "--on-port", target.port, "--on-ip", anywhere, "--tproxy-mark", withMask(target.mark)];
    }
    default:
      return ruleSpecification({ ...rule, matches: [] });
  }
}

function withMask(mark: string): string {
  return mark.includes("/") ? mark : `${mark}/0xffffffff`;
}
