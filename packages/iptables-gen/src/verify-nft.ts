import { NFT_TABLES } from "./chains.js";
import { normalRule } from "./normal-form.js";
import type { SavedTable } from "./parse/iptables-save.js";
import { nftNormalRule } from "./parse/nft-json.js";
import { listedRule } from "./render/nft-list.js";
import { nftForm, nftRules } from "./render/nftables.js";
import type { Match, Rule, Table } from "./rule.js";
import type { RuleSet } from "./rule-set.js";
import type { Difference } from "./verify.js";

/** Compares the native tables of a machine with the wanted ones, chain by chain. Empty: all is as it should be. */
export function verifyNative(saved: readonly SavedTable[], wanted: RuleSet): readonly Difference[] {
  return NFT_TABLES.flatMap(({ table, chains }) => {
    const now = new Map(
      saved.find(({ name }) => name === table)?.chains.map(({ name, rules }) => [name, rules] as const),
    );
    const then = placeNativeRules(wanted, table);
    return [...new Set([...chains, ...now.keys()])].flatMap((chain) =>
      compare(table, chain, then.get(chain) ?? [], now.get(chain) ?? []),
    );
  });
}

/** Rules of a native table by chain, in the order packets meet them. */
export function placeNativeRules(wanted: RuleSet, table: Table): Map<string, Rule[]> {
  const chains = new Map<string, Rule[]>();
  for (const { rule, index } of nftRules(wanted, table)) {
    const rules = chains.get(rule.chain) ?? [];
    chains.set(rule.chain, rules);
    rules.splice(index ?? rules.length, 0, nftForm(rule, wanted));
  }
  return chains;
}

function compare(table: Table, chain: string, wanted: readonly Rule[], actual: readonly Rule[]): readonly Difference[] {
  const difference = (kind: Difference["kind"], rule: Rule): Difference => {
    const [family = "ipv4"] = rule.families;
    return { kind, family, table, chain, rule: listedRule(rule) };
  };
  const [want, have] = [wanted.map(nativeKey), actual.map(nativeKey)];
  const missing = wanted.filter((_, i) => count(want.slice(0, i + 1), want[i]) > count(have, want[i]));
  const extra = actual.filter((_, i) => count(have.slice(0, i + 1), have[i]) > count(want, have[i]));
  if (missing.length + extra.length > 0) {
    return [...missing.map((rule) => difference("missing", rule)), ...extra.map((rule) => difference("extra", rule))];
  }
  const moved = actual[have.findIndex((key, i) => key !== want[i])];
  return moved === undefined ? [] : [difference("reordered", moved)];
}

function count(keys: readonly string[], key: string | undefined): number {
  return keys.filter((one) => one === key).length;
}

/** A text that is the same for native rules that do the same. */
export function nativeKey(rule: Rule): string {
  const { matches, target } = normalRule(nftNormalRule(rule));
  return JSON.stringify([[...matches].map(sorted).sort(), target]);
}

function sorted(match: Match): string {
  const plain = match.kind === "connection-state" ? { ...match, states: [...match.states].sort() } : match;
  return JSON.stringify(Object.fromEntries(Object.entries(plain).sort(([a], [b]) => (a < b ? -1 : 1))));
}
