import { IptablesError } from "../errors.js";
import type { Family, Rule, Table } from "../rule.js";
import { parseRuleWords } from "./rule-words.js";
import { splitWords } from "./words.js";

/** A rule as it stands on a machine. */
export interface SavedRule extends Rule {
  /** Its words after the chain, exactly as they were printed, quotes removed: what deletes it. */
  readonly words: readonly string[];
  /** Packets counted, when the text has counters. */
  readonly packets?: number;
}

/** One chain of a table. */
export interface SavedChain {
  /** Name. */
  readonly name: string;
  /** Policy of a built-in chain; `-` for others. */
  readonly policy: string;
  /** Rules in the order packets meet them. */
  readonly rules: readonly SavedRule[];
}

/** One table. Tables this package never writes (`security`) are read as well. */
export interface SavedTable {
  /** Name. */
  readonly name: string;
  /** Chains in the order of the text. */
  readonly chains: readonly SavedChain[];
}

interface OpenTable {
  readonly name: string;
  readonly chains: Map<string, { name: string; policy: string; rules: SavedRule[] }>;
}

/**
 * Reads what `iptables-save` prints, with or without counters, and what `iptables-restore` reads (`-N`, `-I` with positions).
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_PARSE` with the line, when a line belongs to no table or is none of the format's, or when a
 * table does not end with COMMIT, as in a text that was cut off.
 */
export function parseIptablesSave(text: string, family: Family): readonly SavedTable[] {
  const tables: OpenTable[] = [];
  let table: OpenTable | undefined;
  const lines = text.split("\n");
  const refuse = (number: number, expected: string, got: string): IptablesError =>
    new IptablesError("ERR_IPTABLES_PARSE", `expected ${expected}, got ${got}`, { path: `${number}:1` });
  for (const [number, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("*") && table === undefined) {
      table = openTable(tables, line.slice(1).trim());
      continue;
    }
    if (line === "COMMIT") {
      table = undefined;
      continue;
    }
    if (table === undefined || !readLine(table, line, family)) {
      const expected = table === undefined ? "a table (*nat)" : "a chain, a rule or COMMIT";
      throw refuse(number + 1, expected, JSON.stringify(line.slice(0, 60)));
    }
  }
  if (table !== undefined) throw refuse(lines.length, "COMMIT", "the end of the text");
  return tables.map(({ name, chains }) => ({ name, chains: [...chains.values()] }));
}

function openTable(tables: OpenTable[], name: string): OpenTable {
  const known = tables.find((one) => one.name === name);
  if (known !== undefined) return known;
  const table: OpenTable = { name, chains: new Map() };
  tables.push(table);
  return table;
}

function readLine(table: OpenTable, line: string, family: Family): boolean {
  if (line.startsWith(":")) {
    const [name = "", policy = "-"] = line.slice(1).split(/\s+/);
    table.chains.set(name, { name, policy, rules: [...(table.chains.get(name)?.rules ?? [])] });
    return true;
  }
  const counters = /^\[(\d+):\d+\]\s+/.exec(line);
  const words = splitWords(counters === null ? line : line.slice(counters[0].length));
  const [action, chain, ...rest] = words;
  if (chain === undefined) return false;
  if (action === "-N") {
    chainOf(table, chain);
    return true;
  }
  if (action !== "-A" && action !== "-I") return false;
  const position = action === "-I" && /^\d+$/.test(rest[0] ?? "") ? Number(rest.shift()) : 1;
  const rule: SavedRule = {
    table: table.name as Table,
    chain,
    families: [family],
    ...parseRuleWords(rest),
    why: "",
    words: rest,
    ...(counters === null ? {} : { packets: Number(counters[1]) }),
  };
  const rules = chainOf(table, chain).rules;
  if (action === "-A") rules.push(rule);
  else rules.splice(position - 1, 0, rule);
  return true;
}

function chainOf(table: OpenTable, name: string): { rules: SavedRule[] } {
  let chain = table.chains.get(name);
  if (chain === undefined) {
    chain = { name, policy: "-", rules: [] };
    table.chains.set(name, chain);
  }
  return chain;
}
