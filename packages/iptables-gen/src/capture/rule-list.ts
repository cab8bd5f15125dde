import type { Family, Match, Rule, Table, Target } from "../rule.js";

const BOTH: readonly Family[] = ["ipv4", "ipv6"];

/** Conditions that differ between the families, for example by an address. */
export type FamilyMatches = (family: Family) => readonly Match[];

/** Collects rules in the order they are emitted. */
export interface RuleList {
  /** The rules so far. */
  readonly rules: readonly Rule[];
  /** Adds one rule for both families. */
  append(table: Table, chain: string, matches: readonly Match[], target: Target, why: string): void;
  /** Adds one rule for the families given; for none, no rule. */
  appendIn(
    families: readonly Family[],
    table: Table,
    chain: string,
    matches: readonly Match[],
    target: Target,
    why: string,
  ): void;
  /** Adds one rule for each family. */
  appendEach(table: Table, chain: string, matches: FamilyMatches, target: Target, why: string): void;
  /** Adds one rule for both families that is inserted at a 1-based position. */
  insert(position: number, table: Table, chain: string, matches: readonly Match[], target: Target, why: string): void;
  /** Adds one inserted rule for the families given. */
  insertIn(
    families: readonly Family[],
    position: number,
    table: Table,
    chain: string,
    matches: readonly Match[],
    target: Target,
    why: string,
  ): void;
}

/** An empty list. */
export function ruleList(): RuleList {
  const rules: Rule[] = [];
  const list: RuleList = {
    rules,
    append: (table, chain, matches, target, why) => list.appendIn(BOTH, table, chain, matches, target, why),
    appendIn(families, table, chain, matches, target, why) {
      if (families.length > 0) rules.push({ table, chain, families, matches, target, why });
    },
    appendEach(table, chain, matches, target, why) {
      for (const family of BOTH) list.appendIn([family], table, chain, matches(family), target, why);
    },
    insert: (position, table, chain, matches, target, why) =>
      list.insertIn(BOTH, position, table, chain, matches, target, why),
    insertIn(families, position, table, chain, matches, target, why) {
      if (families.length > 0) rules.push({ table, chain, families, position, matches, target, why });
    },
  };
  return list;
}
