import type { Match, Rule } from "../rule.js";

/** The words of a rule as iptables takes them, without the table: `-A CHAIN …` or `-I CHAIN n …`. */
export function iptablesWords(rule: Rule): string[] {
  const place = rule.position === undefined ? ["-A", rule.chain] : ["-I", rule.chain, String(rule.position)];
  return [...place, ...ruleSpecification(rule)];
}

/** The words after the chain: conditions and target. */
export function ruleSpecification(rule: Rule): string[] {
  return [...rule.matches.flatMap(matchWords), ...targetWords(rule)];
}

function matchWords(match: Match): readonly string[] {
  const not = "negated" in match && match.negated === true ? ["!"] : [];
  switch (match.kind) {
    case "in-interface":
      return [...not, "-i", match.name];
    case "out-interface":
      return [...not, "-o", match.name];
    case "protocol":
      return match.only === "nftables" ? [] : [...not, "-p", match.protocol];
    case "family":
      return [];
    case "source":
      return [...not, "-s", match.range];
    case "destination":
      return [...not, "-d", match.range];
    case "source-port":
    case "destination-port": {
      const flag = match.kind === "source-port" ? "--sport" : "--dport";
      if (match.ports.length === 1) return [...not, flag, match.ports[0] ?? ""];
      return ["-m", "multiport", ...not, `${flag}s`, match.ports.join(",")];
    }
    case "owner-user":
      return ["-m", "owner", ...not, "--uid-owner", match.id];
    case "owner-group":
      return ["-m", "owner", ...not, "--gid-owner", match.id];
    case "mark":
      return ["-m", "mark", ...not, "--mark", match.value];
    case "connection-mark":
      return ["-m", "connmark", ...not, "--mark", match.value];
    case "connection-state":
      return ["-m", "conntrack", "--ctstate", match.states.join(",")];
    case "opaque":
      return match.words;
  }
}

function targetWords(rule: Rule): readonly string[] {
  const { target } = rule;
  switch (target.kind) {
    case "return":
    case "accept":
    case "drop":
      return ["-j", target.kind.toUpperCase()];
    case "continue":
      return [];
    case "jump":
      return ["-j", target.chain];
    case "goto":
      return ["-g", target.chain];
    case "redirect":
      // The original spells the option in the singular where the protocol is UDP; both are the same option.
      return ["-j", "REDIRECT", hasProtocol(rule, "udp") ? "--to-port" : "--to-ports", target.port];
    case "tproxy":
      return ["-j", "TPROXY", "--tproxy-mark", `${target.mark}/0xffffffff`, "--on-port", target.port];
    case "set-mark":
      return ["-j", "MARK", "--set-mark", target.mark];
    case "save-mark":
      return ["-j", "CONNMARK", "--save-mark"];
    case "restore-mark":
      return ["-j", "CONNMARK", "--restore-mark"];
    case "zone":
      return ["-j", "CT", "--zone", target.zone];
    case "opaque":
      return target.words;
  }
}

function hasProtocol(rule: Rule, protocol: string): boolean {
  return rule.matches.some((match) => match.kind === "protocol" && match.protocol === protocol);
}
