import { captureDns } from "./capture/dns.js";
import { captureInbound } from "./capture/inbound.js";
import {
  captureDestinations,
  captureOwnerGroups,
  excludeDestinations,
  excludePorts,
  includePorts,
  isolateProxy,
  outboundChainAfterGroups,
} from "./capture/outbound.js";
import { type RuleList, ruleList } from "./capture/rule-list.js";
import { markForTproxy } from "./capture/tproxy.js";
import { CHAIN, LOOPBACK_V6, PASSTHROUGH_SOURCE } from "./chains.js";
import { from, fromInterface, protocolIn, tcp, to, toInterface, toPort } from "./match.js";
import type { Options } from "./options.js";
import type { Rule } from "./rule.js";

/**
 * The rules for a set of options, in the order they are written.
 *
 * Reads top to bottom as the original does; each step is one paragraph of the rule set.
 */
export function captureRules(options: Options): readonly Rule[] {
  const rules = ruleList();
  excludeInterfaces(rules, options);
  returnVirtualInterfaces(rules, options);
  dropInvalid(rules, options);
  declareTargets(rules, options);
  captureInbound(rules, options);
  rules.append(
    "nat",
    "OUTPUT",
    [],
    { kind: "jump", chain: CHAIN.output },
    "Outgoing packets are judged in ISTIO_OUTPUT.",
  );
  excludePorts(rules, options);
  rules.appendEach(
    "nat",
    CHAIN.output,
    (family) => [toInterface("lo"), from(PASSTHROUGH_SOURCE[family])],
    { kind: "return" },
    "The proxy delivers to the application from this address; capturing that would loop.",
  );
  isolateProxy(rules, options);
  captureOwnerGroups(rules, options);
  captureDns(rules, options);
  rules.appendEach(
    "nat",
    outboundChainAfterGroups(options),
    (family) => [to(family === "ipv4" ? options.loopback : LOOPBACK_V6)],
    { kind: "return" },
    "Talk over loopback stays between the containers of the pod.",
  );
  excludeDestinations(rules, options);
  includePorts(rules, options);
  captureDestinations(rules, options);
  if (options.interception === "TPROXY") markForTproxy(rules, options);
  return rules.rules;
}

function excludeInterfaces(rules: RuleList, options: Options): void {
  const tables = options.interception === "TPROXY" ? (["nat", "mangle"] as const) : (["nat"] as const);
  for (const table of tables) {
    for (const name of options.excludeInterfaces) {
      const why = `Interface ${name} is left alone.`;
      rules.append(table, "PREROUTING", [fromInterface(name)], { kind: "return" }, why);
      rules.append(table, "OUTPUT", [toInterface(name)], { kind: "return" }, why);
    }
  }
}

function returnVirtualInterfaces(rules: RuleList, options: Options): void {
  for (const name of options.virtualInterfaces) {
    const why = `What comes from ${name} and is not captured as outbound is not inbound either.`;
    rules.insert(1, "nat", "PREROUTING", [fromInterface(name)], { kind: "return" }, why);
  }
}

function dropInvalid(rules: RuleList, options: Options): void {
  if (!options.dropInvalid) return;
  // istio's nft form looks at TCP only, its iptables form at everything.
  const matches = [protocolIn("nftables", "tcp"), { kind: "connection-state", states: ["INVALID"] }] as const;
  const why = "Packets outside of any connection's window would bypass NAT and reset connections.";
  rules.append("mangle", "PREROUTING", matches, { kind: "jump", chain: CHAIN.drop }, why);
  rules.append("mangle", CHAIN.drop, [], { kind: "drop" }, why);
}

function declareTargets(rules: RuleList, options: Options): void {
  const { tunnelPort, outboundPort, inboundPort } = options;
  const tunnel = "The tunnel port is the proxy's own; nothing is captured on it.";
  rules.append("nat", CHAIN.inbound, [tcp, toPort("tcp", tunnelPort)], { kind: "return" }, tunnel);
  const outbound = "Captured outbound connections go to the proxy's outbound port.";
  rules.append("nat", CHAIN.redirect, [tcp], { kind: "redirect", port: outboundPort }, outbound);
  const inbound = "Captured inbound connections go to the proxy's inbound port.";
  rules.append("nat", CHAIN.inRedirect, [tcp], { kind: "redirect", port: inboundPort }, inbound);
}
