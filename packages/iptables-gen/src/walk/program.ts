import type { SavedTable } from "../parse/iptables-save.js";
import { nftForm, nftRules } from "../render/nftables.js";
import type { Backend, Family, Rule, Table } from "../rule.js";
import { familyRules, type RuleSet } from "../rule-set.js";
import { type Condition, compileCondition, readMark } from "./condition.js";

/** A rule ready to be evaluated. */
export interface CompiledRule {
  /** The rule it was made from. */
  readonly rule: Rule;
  /** Its conditions. */
  readonly conditions: readonly Condition[];
}

/** The chains of one table, ready to be evaluated. */
export type CompiledTable = ReadonlyMap<string, readonly CompiledRule[]>;

/** Rules of one family ready to be evaluated, table by table. */
export interface Program {
  /** Tables by name. */
  readonly tables: ReadonlyMap<Table, CompiledTable>;
  /** Policies of built-in chains other than ACCEPT, as `table chain`. */
  readonly drops: ReadonlySet<string>;
  /** Marks of TPROXY's packets, which policy routing sends to loopback. */
  readonly localMarks: ReadonlySet<number>;
}

const TABLES: readonly Table[] = ["raw", "mangle", "nat", "filter"];

/** Compiles a generated rule set: the order is the one packets meet, inserts applied. */
export function compileRuleSet(ruleSet: RuleSet, family: Family, backend: Backend): Program {
  const tables = new Map<Table, CompiledTable>();
  for (const table of TABLES) {
    const queued =
      backend === "iptables"
        ? familyRules(ruleSet, family)
            .filter((rule) => rule.table === table)
            .map((rule) => ({ rule, at: rule.position === undefined ? undefined : rule.position - 1 }))
        : nftRules(ruleSet, table).map(({ rule, index }) => ({ rule: nftForm(rule, ruleSet), at: index }));
    const chains = new Map<string, Rule[]>();
    for (const { rule, at } of queued) {
      const chain = chains.get(rule.chain) ?? [];
      chains.set(rule.chain, chain);
      chain.splice(at ?? chain.length, 0, rule);
    }
    tables.set(table, compileChains(chains, backend));
  }
  return { tables, drops: new Set(), localMarks: localMarksOf(tables, family) };
}

/** Compiles what a machine has. */
export function compileSaved(saved: readonly SavedTable[], family: Family, backend: Backend): Program {
  const tables = new Map<Table, CompiledTable>();
  const drops = new Set<string>();
  for (const { name, chains } of saved) {
    tables.set(name as Table, compileChains(new Map(chains.map((chain) => [chain.name, chain.rules])), backend));
    for (const chain of chains) if (chain.policy === "DROP") drops.add(`${name} ${chain.name}`);
  }
  return { tables, drops, localMarks: localMarksOf(tables, family) };
}

function localMarksOf(tables: ReadonlyMap<Table, CompiledTable>, family: Family): ReadonlySet<number> {
  const marks = new Set<number>();
  for (const rules of tables.get("mangle")?.values() ?? []) {
    for (const { rule } of rules) {
      if (rule.target.kind === "tproxy" && rule.families.includes(family))
        marks.add(readMark(rule.target.mark)?.value ?? 0);
    }
  }
  return marks;
}

function compileChains(chains: ReadonlyMap<string, readonly Rule[]>, backend: Backend): CompiledTable {
  return new Map(
    [...chains].map(([name, rules]) => [
      name,
      rules.map((rule) => ({
        rule,
        conditions: rule.matches.flatMap((match) => compileCondition(match, backend) ?? []),
      })),
    ]),
  );
}
