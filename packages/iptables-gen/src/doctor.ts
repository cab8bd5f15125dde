import type { Family, Match, Rule, Target } from "./rule.js";
import { familyRules, type RuleSet } from "./rule-set.js";

/** A part of the kernel that rules need. */
export interface Requirement {
  /** Kernel module; often built in. */
  readonly module: string;
  /** The condition or target that needs it, as iptables spells it. */
  readonly feature: string;
  /** A restore text that loads only where the module is there. */
  readonly trial: string;
  /** Family it is tried for. */
  readonly family: Family;
}

/** Everything the rules of a set need from the kernel, each once. */
export function requirementsOf(rules: RuleSet): readonly Requirement[] {
  const found = new Map<string, Requirement>();
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const rule of familyRules(rules, family)) {
      for (const { module, feature, table, words } of needs(rule, family)) {
        const chain = table === "mangle" && feature === "-j TPROXY" ? "PREROUTING" : "OUTPUT";
        const trial = `*${table}\n-A ${chain} ${words}\nCOMMIT\n`;
        found.set(`${family} ${feature}`, { module, feature, trial, family });
      }
    }
  }
  return [...found.values()];
}

interface Need {
  readonly module: string;
  readonly feature: string;
  readonly table: string;
  readonly words: string;
}

function needs(rule: Rule, family: Family): readonly Need[] {
  const six = family === "ipv6" ? "ip6" : "ip";
  const table: Need = {
    module: `${six}table_${rule.table}`,
    feature: `-t ${rule.table}`,
    table: rule.table,
    words: "-j RETURN",
  };
  return [table, ...rule.matches.flatMap(needOfMatch), ...needOfTarget(rule.target, rule.matches)];
}

function needOfMatch(match: Match): readonly Need[] {
  switch (match.kind) {
    case "owner-user":
    case "owner-group":
      return [{ module: "xt_owner", feature: "-m owner", table: "nat", words: "-m owner --uid-owner 0 -j RETURN" }];
    case "mark":
      return [{ module: "xt_mark", feature: "-m mark", table: "mangle", words: "-m mark --mark 1 -j RETURN" }];
    case "connection-mark":
      return [
        { module: "xt_connmark", feature: "-m connmark", table: "mangle", words: "-m connmark --mark 1 -j RETURN" },
      ];
    case "connection-state":
      return [
        {
          module: "xt_conntrack",
          feature: "-m conntrack",
          table: "mangle",
          words: "-m conntrack --ctstate INVALID -j RETURN",
        },
      ];
    case "source-port":
    case "destination-port":
      if (match.ports.length < 2) return [];
      return [
        {
          module: "xt_multiport",
          feature: "-m multiport",
          table: "nat",
          words: "-p tcp -m multiport --dports 53,54 -j RETURN",
        },
      ];
    default:
      return [];
  }
}

function needOfTarget(target: Target, matches: readonly Match[]): readonly Need[] {
  const tcp = matches.some((match) => match.kind === "protocol" && match.protocol === "tcp") ? "tcp" : "udp";
  switch (target.kind) {
    case "redirect":
      return [
        { module: "xt_REDIRECT", feature: "-j REDIRECT", table: "nat", words: `-p ${tcp} -j REDIRECT --to-ports 1` },
      ];
    case "tproxy":
      return [
        {
          module: "xt_TPROXY",
          feature: "-j TPROXY",
          table: "mangle",
          words: "-p tcp -j TPROXY --on-port 1 --tproxy-mark 1/1",
        },
      ];
    case "set-mark":
      return [{ module: "xt_mark", feature: "-j MARK", table: "mangle", words: "-j MARK --set-mark 1" }];
    case "save-mark":
    case "restore-mark":
      return [{ module: "xt_connmark", feature: "-j CONNMARK", table: "mangle", words: "-j CONNMARK --save-mark" }];
    case "zone":
      return [{ module: "xt_CT", feature: "-j CT", table: "raw", words: "-j CT --zone 1" }];
    default:
      return [];
  }
}
