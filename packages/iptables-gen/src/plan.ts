import { CHAIN_PREFIX, isBuiltIn, OUTBOUND_MARK } from "./chains.js";
import { normalRule, ruleKey } from "./normal-form.js";
import type { SavedTable } from "./parse/iptables-save.js";
import { placeRules } from "./render/iptables-save.js";
import { ruleSpecification } from "./render/iptables-words.js";
import type { Family, Rule, Table } from "./rule.js";
import { familyRules, type RuleSet } from "./rule-set.js";

/** A rule with the words that make or delete it. */
interface OwnRule {
  readonly rule: Rule;
  readonly words: readonly string[];
}

/** What is ours in one table: whole chains, and single rules in the kernel's chains. */
interface OwnTable {
  readonly chains: ReadonlyMap<string, readonly OwnRule[]>;
  readonly builtIn: ReadonlyMap<string, readonly OwnRule[]>;
}

/** What is ours in one family. */
export type OwnState = ReadonlyMap<Table, OwnTable>;

/** Nothing of ours. */
export const NOTHING_OWN: OwnState = new Map();

const OUR_TABLES: readonly Table[] = ["raw", "mangle", "nat"];

/** What is ours among the rules of a machine, whatever options and version it came from. */
export function ownStateOf(saved: readonly SavedTable[]): OwnState {
  const state = new Map<Table, OwnTable>();
  for (const name of OUR_TABLES) {
    const table = saved.find((one) => one.name === name);
    if (table === undefined) continue;
    const own = table.chains.filter((chain) => chain.name.startsWith(CHAIN_PREFIX));
    const builtIn = table.chains
      .filter((chain) => isBuiltIn(chain.name))
      .map(
        (chain) =>
          [chain.name, chain.rules.filter((rule) => isOwnInBuiltIn(rule, own.length > 0)).map(withWords)] as const,
      )
      .filter(([, rules]) => rules.length > 0);
    if (own.length + builtIn.length === 0) continue;
    state.set(name, {
      chains: new Map(own.map((chain) => [chain.name, chain.rules.map(withWords)])),
      builtIn: new Map(builtIn),
    });
  }
  return state;

  function withWords(rule: Rule & { readonly words: readonly string[] }): OwnRule {
    return { rule, words: rule.words };
  }
}

/** What should be there. */
export function wantedState(rules: RuleSet, family: Family): OwnState {
  const state = new Map<Table, OwnTable>();
  const wanted = familyRules(rules, family);
  for (const table of OUR_TABLES) {
    const chains = [...placeRules(wanted.filter((rule) => rule.table === table))].map(
      ([name, list]) => [name, list.map((rule): OwnRule => ({ rule, words: ruleSpecification(rule) }))] as const,
    );
    if (chains.length === 0) continue;
    state.set(table, {
      chains: new Map(chains.filter(([name]) => !isBuiltIn(name))),
      builtIn: new Map(chains.filter(([name]) => isBuiltIn(name))),
    });
  }
  return state;
}

/**
 * Whether a rule in a built-in chain is ours: it jumps to a chain of ours, or, in a table that has chains of ours, it has the shape of
 * an interface exception or of a TPROXY mark, which nobody else writes there.
 */
function isOwnInBuiltIn(rule: Rule, tableIsOurs: boolean): boolean {
  const { target, matches } = normalRule(rule);
  if (target.kind === "jump") return target.chain.startsWith(CHAIN_PREFIX);
  if (!tableIsOurs) return false;
  const kinds = matches.map(({ kind }) => kind).join(" ");
  switch (target.kind) {
    case "return":
      return kinds === "in-interface" || kinds === "out-interface" || kinds === "out-interface protocol mark";
    case "save-mark":
      return kinds === "protocol mark";
    case "restore-mark":
      return kinds === "protocol connection-mark";
    case "set-mark":
      return target.mark === `0x${Number(OUTBOUND_MARK).toString(16)}`;
    default:
      return false;
  }
}

/**
 * Input for `iptables-restore --noflush` that turns one state into another; empty when they are the same.
 *
 * Each table is exchanged in one atomic commit, so that no packet meets half of the rules and no guardrails are needed. Rules in built-in
 * chains are put first: a rule of somebody else before them would take the packets away.
 */
export function exchangeText(current: OwnState, wanted: OwnState): string {
  let text = "";
  for (const name of OUR_TABLES) {
    const now = current.get(name);
    const then = wanted.get(name);
    if (sameTable(now, then)) continue;
    text += `*${name}\n`;
    const chains = new Set([...(then?.chains.keys() ?? []), ...(now?.chains.keys() ?? [])]);
    // Naming a chain creates it, or empties it if it is there.
    for (const chain of chains) text += `:${chain} - [0:0]\n`;
    for (const [chain, rules] of now?.builtIn ?? []) {
      for (const { words } of rules) text += `-D ${chain} ${quoteWords(words)}\n`;
    }
    for (const [chain, rules] of then?.builtIn ?? []) {
      for (const [i, { words }] of rules.entries()) text += `-I ${chain} ${i + 1} ${quoteWords(words)}\n`;
    }
    for (const [chain, rules] of then?.chains ?? []) {
      for (const { words } of rules) text += `-A ${chain} ${quoteWords(words)}\n`;
    }
    for (const chain of chains) if (then?.chains.has(chain) !== true) text += `-X ${chain}\n`;
    text += "COMMIT\n";
  }
  return text;
}

function sameTable(a: OwnTable | undefined, b: OwnTable | undefined): boolean {
  return sameChains(a?.chains, b?.chains) && sameChains(a?.builtIn, b?.builtIn);
}

function sameChains(
  a: ReadonlyMap<string, readonly OwnRule[]> = new Map(),
  b: ReadonlyMap<string, readonly OwnRule[]> = new Map(),
): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([name, rules]) => {
    const others = b.get(name);
    return others?.length === rules.length && rules.every(({ rule }, i) => ruleKey(rule) === keyAt(others, i));
  });
}

function keyAt(rules: readonly OwnRule[], i: number): string | undefined {
  const own = rules[i];
  return own === undefined ? undefined : ruleKey(own.rule);
}

/** Words as iptables-restore splits them: those with blanks or quotes stand in double quotes. */
export function quoteWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, (char) => `\\${char}`)}"`))
    .join(" ");
}

/** One command of a plan. */
export interface Step {
  /** Restore text, for the family's restore program. */
  readonly restore: string;
  /** Text that takes it back. */
  readonly undo: string;
  /** Family it is about. */
  readonly family: Family;
}

/** What turns the rules of a machine into the wanted ones. Empty when they are there already. */
export function plan(current: Readonly<Record<Family, readonly SavedTable[]>>, wanted: RuleSet): readonly Step[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const [now, then] = [ownStateOf(current[family]), wantedState(wanted, family)];
    const restore = exchangeText(now, then);
    return restore === "" ? [] : [{ restore, undo: exchangeText(then, now), family }];
  });
}
