import { NFT_TABLES, type NftTable, nftChainName } from "../chains.js";
import { type IdResolver, maskedRange, normalRule } from "../normal-form.js";
import type { Match, Rule } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { nftForm, nftRules, nftWords } from "./nftables.js";

const PRIORITY_NAMES: Readonly<Record<string, string>> = {
  "prerouting -100": "dstnat",
  "prerouting -150": "mangle",
  "output -150": "mangle",
  "prerouting -300": "raw",
  "output -300": "raw",
};

/**
 * What `nft list ruleset` prints on a machine that has nothing but these rules, without counters: the form to compare a machine's own
 * output with.
 */
export function renderNftList(ruleSet: RuleSet, ids?: IdResolver): string {
  return NFT_TABLES.map((table) => renderTable(table, ruleSet, ids)).join("");
}

function renderTable(table: NftTable, ruleSet: RuleSet, ids?: IdResolver): string {
  const chains = new Map<string, Rule[]>();
  for (const { rule, index } of nftRules(ruleSet, table.table)) {
    const rules = chains.get(rule.chain) ?? [];
    chains.set(rule.chain, rules);
    rules.splice(index ?? rules.length, 0, nftForm(rule, ruleSet));
  }
  if (chains.size === 0) return "";
  const blocks = table.chains.flatMap((name) => {
    const rules = chains.get(name);
    return rules === undefined
      ? []
      : [
          `\tchain ${nftChainName(name)} {\n${header(table, name)}${rules.map((rule) => `\t\t${listedRule(rule, ids)}\n`).join("")}\t}\n`,
        ];
  });
  return `table inet ${table.name} {\n${blocks.join("")}}\n`;
}

function header(table: NftTable, chain: string): string {
  if (chain !== "PREROUTING" && chain !== "OUTPUT") return "";
  const { type, hook, priority } = table.base[chain];
  return `\t\ttype ${type} hook ${hook} priority ${PRIORITY_NAMES[`${hook} ${priority}`] ?? priority}; policy accept;\n`;
}

/** One rule as nft prints it back. */
export function listedRule(rule: Rule, ids?: IdResolver): string {
  const port = rule.matches.some(isPort);
  const matches = rule.matches
    // A port match says which protocol it is about, and nft does not print that twice.
    .filter((match) => !(match.kind === "protocol" && port))
    .map((match) => listedMatch(match, ids));
  const target = rule.target;
  const listed: Rule["target"] =
    target.kind === "set-mark" || target.kind === "tproxy" ? { ...target, mark: listedMark(target.mark) } : target;
  const words = nftWords({ ...rule, matches, target: listed }).join(" ");
  return words
    .replace(/(^| )(mark|skuid|skgid) /g, (_found, before: string, key: string) => `${before}meta ${key} `)
    .replace(/meta meta /g, "meta ")
    .replace(/ct meta mark/g, "ct mark")
    .replace(/ct mark set mark$/, "ct mark set meta mark");
}

function isPort(match: Match): boolean {
  return match.kind === "source-port" || match.kind === "destination-port";
}

function listedMatch(match: Match, ids?: IdResolver): Match {
  switch (match.kind) {
    case "in-interface":
    case "out-interface":
      return { ...match, name: `"${match.name}"` };
    case "source":
    case "destination":
      return {
        ...match,
        range: maskedRange(match.range).replace(/\/(?:32|128)$/, (bits) => (isHost(match.range, bits) ? "" : bits)),
      };
    case "connection-state":
      return { ...match, states: [...match.states].sort((a, b) => STATES.indexOf(a) - STATES.indexOf(b)) };
    case "mark":
    case "connection-mark":
      return { ...match, value: listedMark(match.value) };
    case "owner-user":
    case "owner-group": {
      const [normal] = normalRule(
        { table: "nat", chain: "", families: [], matches: [match], target: { kind: "accept" }, why: "" },
        ids,
      ).matches;
      return normal ?? match;
    }
    default:
      return match;
  }
}

/** nft lists states by the value of their bit. */
const STATES = ["INVALID", "ESTABLISHED", "RELATED", "NEW", "UNTRACKED"];

function isHost(range: string, bits: string): boolean {
  return bits === (range.includes(":") ? "/128" : "/32");
}

function listedMark(text: string): string {
  return Number.isNaN(Number(text)) ? text : `0x${(Number(text) >>> 0).toString(16).padStart(8, "0")}`;
}
