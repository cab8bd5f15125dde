import { NFT_TABLES, type NftTable, nftChainName } from "../chains.js";
import type { Match, Rule, Table } from "../rule.js";
import type { RuleSet } from "../rule-set.js";

/** A rule as it will be queued for nft, in its place. */
export interface NftRule {
  /** The rule. */
  readonly rule: Rule;
  /** 0-based place it is inserted at; absent: it is appended. */
  readonly index?: number;
}

/**
 * Input for `nft -f -`: one transaction, byte for byte what istio's native nftables mode feeds it.
 *
 * The tables are of family `inet`. Tables without rules are left out; in `fixed` they are emptied, so that nothing of a larger
 * configuration survives.
 */
export function renderNftables(rules: RuleSet): string {
  let text = "";
  for (const table of NFT_TABLES) text += renderTable(table, rules);
  return text;
}

/** Input for `nft -f -` that removes everything of ours. Adding first makes deleting safe when nothing is there. */
export function renderNftablesCleanup(): string {
  return NFT_TABLES.map(removeTable).join("");
}

function removeTable({ name }: NftTable): string {
  return `add table inet ${name}\ndelete table inet ${name}\n`;
}

/** The rules of one table that nft gets, in the order they are queued, with inserts turned into appends where nft demands it. */
export function nftRules(ruleSet: RuleSet, table: Table): readonly NftRule[] {
  const queued = new Map<string, number>();
  const out: NftRule[] = [];
  for (const rule of ruleSet.rules) {
    if (rule.table !== table || !wantedInNft(rule, ruleSet)) continue;
    const count = queued.get(rule.chain) ?? 0;
    queued.set(rule.chain, count + 1);
    const index = rule.position === undefined ? undefined : rule.position - 1;
    out.push(index === undefined || index >= count ? { rule } : { rule, index });
  }
  return out;
}

/**
 * A rule for IPv6 alone is left out when IPv6 is off; a jump to chains of such rules too, except that the original keeps it, although
 * the chain it names is never created.
 */
function wantedInNft(rule: Rule, { options }: RuleSet): boolean {
  if (options.ipv6 || rule.families.includes("ipv4")) return true;
  return options.compat === "strict" && !rule.matches.some(isAddress);
}

function isAddress(match: Match): boolean {
  return match.kind === "source" || match.kind === "destination";
}

function renderTable(table: NftTable, ruleSet: RuleSet): string {
  const rules = nftRules(ruleSet, table.table);
  const stale = ruleSet.options.compat === "fixed";
  if (rules.length === 0) return stale ? removeTable(table) : "";
  // Deleting instead of flushing also takes the chains a larger configuration left.
  let text = stale ? removeTable(table) : "";
  text += `add table inet ${table.name}\n`;
  if (!stale) text += `flush table inet ${table.name}\n`;
  for (const chain of table.chains) {
    if (!rules.some(({ rule }) => rule.chain === chain)) continue;
    text += `add chain inet ${table.name} ${nftChainName(chain)}`;
    const base = chain === "PREROUTING" || chain === "OUTPUT" ? table.base[chain] : undefined;
    if (base !== undefined) text += ` { type ${base.type} hook ${base.hook} priority ${base.priority} ; }`;
    text += "\n";
  }
  for (const { rule, index } of rules) {
    const place = `inet ${table.name} ${nftChainName(rule.chain)}`;
    const words = nftWords(nftForm(rule, ruleSet)).join(" ");
    text += index === undefined ? `add rule ${place} ${words}\n` : `insert rule ${place} index ${index} ${words}\n`;
  }
  return text;
}

/** The form a rule has in nft: in `strict` as the original writes it, in `fixed` so that it means what it means in iptables. */
export function nftForm(rule: Rule, ruleSet: RuleSet): Rule {
  if (ruleSet.options.compat === "strict") return rule;
  return restrictFamily({ ...rule, matches: rule.matches.map(inNftSpelling) }, ruleSet);
}

/** nft writes ranges of ports with a dash and patterns of interfaces with an asterisk. */
function inNftSpelling(match: Match): Match {
  switch (match.kind) {
    case "source-port":
    case "destination-port":
      return { ...match, ports: match.ports.map((port) => port.replace(":", "-")) };
    case "in-interface":
    case "out-interface":
      return { ...match, name: match.name.replace(/\+$/, "*") };
    default:
      return match;
  }
}

/**
 * In `inet` a rule without a family also sees IPv6. With IPv6 off the original captures it all the same; `fixed` restricts the rules
 * every packet passes first, and so all others.
 */
function restrictFamily(rule: Rule, { options }: RuleSet): Rule {
  if (rule.matches.some(isAddress)) return rule;
  const base = rule.chain === "PREROUTING" || rule.chain === "OUTPUT";
  const [only] = rule.families;
  const family = rule.families.length === 1 ? only : options.ipv6 || !base ? undefined : "ipv4";
  return family === undefined ? rule : { ...rule, matches: [{ kind: "family", family }, ...rule.matches] };
}

/** The words of a rule as nft takes them, after table and chain. */
export function nftWords(rule: Rule): string[] {
  const matches = [...rule.matches].sort((a, b) => rank(a, rule.table) - rank(b, rule.table));
  const conditions = matches.flatMap((match) => matchWords(match, rule.table));
  return [...conditions, ...targetWords(rule)];
}

/** The order in which istio's nft rules have their conditions; in the raw table ports come before addresses. */
function rank(match: Match, table: Table): number {
  switch (match.kind) {
    case "in-interface":
    case "out-interface":
      return 0;
    case "family":
      return 1;
    case "protocol":
      return 2;
    case "connection-state":
      return 3;
    case "source":
    case "destination":
      return table === "raw" ? 5 : 4;
    case "source-port":
    case "destination-port":
      return table === "raw" ? 4 : 5;
    case "mark":
    case "connection-mark":
      return 6;
    case "owner-user":
    case "owner-group":
      return 7;
    case "opaque":
      return 8;
  }
}

function matchWords(match: Match, table: Table): readonly string[] {
  const not = "negated" in match && match.negated === true ? ["!="] : [];
  switch (match.kind) {
    case "in-interface":
      return ["iifname", ...not, match.name];
    case "out-interface":
      return ["oifname", ...not, match.name];
    case "family":
      return ["meta", "nfproto", match.family];
    case "protocol":
      return match.only === "iptables" ? [] : ["meta", "l4proto", ...not, match.protocol];
    case "connection-state":
      return ["ct", "state", match.states.join(",").toLowerCase()];
    case "source":
    case "destination": {
      const family = match.range.includes(":") ? "ip6" : "ip";
      return [family, match.kind === "source" ? "saddr" : "daddr", ...not, match.range];
    }
    case "source-port":
    case "destination-port": {
      const ports = match.ports.length === 1 ? (match.ports[0] ?? "") : `{ ${match.ports.join(", ")} }`;
      return [match.protocol, match.kind === "source-port" ? "sport" : "dport", ...not, ports];
    }
    case "mark":
      return ["mark", ...not, match.value];
    case "connection-mark":
      return ["ct", "mark", ...not, match.value];
    case "owner-user":
    case "owner-group": {
      const key = match.kind === "owner-user" ? "skuid" : "skgid";
      return [...(table === "raw" ? ["meta"] : []), key, ...not, match.id];
    }
    case "opaque":
      return match.words;
  }
}

function targetWords({ target, families }: Rule): readonly string[] {
  switch (target.kind) {
    case "return":
    case "accept":
    case "drop":
      return ["counter", target.kind];
    case "continue":
      return ["counter"];
    case "jump":
    case "goto":
      return ["counter", target.kind, nftChainName(target.chain)];
    case "redirect":
      return ["counter", "redirect", "to", `:${target.port}`];
    case "tproxy": {
      const family = families[0] === "ipv6" ? "ip6" : "ip";
      return ["tproxy", family, "to", `:${target.port}`, "meta", "mark", "set", target.mark, "counter", "accept"];
    }
    case "set-mark":
      return ["counter", "meta", "mark", "set", target.mark];
    case "save-mark":
      return ["counter", "ct", "mark", "set", "mark"];
    case "restore-mark":
      return ["counter", "meta", "mark", "set", "ct", "mark"];
    case "zone":
      return ["counter", "ct", "zone", "set", target.zone];
    case "opaque":
      return target.words;
  }
}
