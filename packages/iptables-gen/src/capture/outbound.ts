import { CHAIN, LOOPBACK_V6 } from "../chains.js";
import { fromInterface, group, not, protocolIn, tcp, to, toInterface, toPort, user } from "../match.js";
import { maskedRange } from "../normal-form.js";
import type { Options } from "../options.js";
import type { Family, OwnerMatch, Target } from "../rule.js";
import type { RuleList } from "./rule-list.js";

const RETURN: Target = { kind: "return" };
const TO_PROXY: Target = { kind: "jump", chain: CHAIN.redirect };

/** More owner conditions than iptables-restore takes in one rule: its parser stops at 255 words. */
const MAX_OWNERS_IN_RULE = 49;

/** Destination ports left alone, before anything is captured. */
export function excludePorts(rules: RuleList, options: Options): void {
  for (const port of options.outboundPortsExclude) {
    for (const protocol of ["tcp", "udp"] as const) {
      const matches = [protocolIn("iptables", protocol), toPort(protocol, port)];
      rules.append("nat", CHAIN.output, matches, RETURN, `Outbound port ${port} is excluded.`);
    }
  }
}

/** What the proxy sends is never captured, except when it calls its own pod through a service address. */
export function isolateProxy(rules: RuleList, options: Options): void {
  if (options.compat === "fixed") letProbeArrive(rules, options);
  for (const { owners, dns } of [
    { owners: options.proxyUids.map(user), dns: options.dns.kind !== "off" },
    // The original forgets DNS in this one rule: the gid form still captures the proxy's TCP queries on loopback.
    { owners: options.proxyGids.map(group), dns: options.dns.kind !== "off" && options.compat === "fixed" },
  ]) {
    // The original writes all three rules owner by owner, so that the second proxy is already "somebody else" to the first.
    const batches = options.compat === "fixed" ? [owners] : owners.map((owner) => [owner]);
    for (const batch of batches) isolate(rules, options, batch, dns);
  }
}

/** A loopback range with 127.0.0.6 in it would swallow the validation probe, which only counts when it is redirected. */
function letProbeArrive(rules: RuleList, options: Options): void {
  const bits = options.loopback.split("/")[1] ?? "32";
  // The probe's address lies in the range exactly when both have the same network part.
  if (maskedRange(options.loopback) !== maskedRange(`127.0.0.6/${bits}`)) return;
  const why = "The validation probe arrives although its address is in the loopback range.";
  for (const owner of [...options.proxyUids.map(user), ...options.proxyGids.map(group)]) {
    const matches = [toInterface("lo"), to("127.0.0.6/32"), tcp, toPort("tcp", options.probePort), owner];
    rules.appendIn(["ipv4"], "nat", CHAIN.output, matches, { kind: "jump", chain: CHAIN.inRedirect }, why);
  }
}

function isolate(rules: RuleList, options: Options, owners: readonly OwnerMatch[], dnsPort: boolean): void {
  const dns = options.dns.kind !== "off";
  const spared = dnsPort ? toPort("tcp", "53", options.tunnelPort) : toPort("tcp", options.tunnelPort);
  for (const owner of owners) {
    rules.appendEach(
      "nat",
      CHAIN.output,
      (family) => [
        toInterface("lo"),
        not(to(family === "ipv4" ? options.loopback : LOOPBACK_V6)),
        tcp,
        not(spared),
        owner,
      ],
      { kind: "jump", chain: CHAIN.inRedirect },
      "The proxy calls a service of its own pod: it arrives as any inbound connection does.",
    );
  }
  if (!includesLoopback(options) && owners.length > 0) {
    const why = "The application calls itself by its own address: nothing to do for the proxy.";
    const others = owners.map(not);
    const lo = toInterface("lo");
    // A name server on loopback is still asked through the agent.
    const matches = dns ? [lo, tcp, not(toPort("tcp", "53")), ...others] : [lo, ...others];
    rules.append("nat", CHAIN.output, matches, RETURN, why);
  }
  for (const owner of owners) {
    rules.append("nat", CHAIN.output, [owner], RETURN, "What the proxy sends is not captured: it would loop.");
  }
}

/** Loopback destinations are wanted, so that talk of the application with itself is captured. */
function includesLoopback(options: Options): boolean {
  return options.outboundRanges !== "*" && options.outboundRanges.some((range) => range.loopback);
}

/** Whose traffic is captured. */
export function captureOwnerGroups(rules: RuleList, options: Options): void {
  const { kind, groups } = options.ownerGroups;
  if (kind === "all-except") {
    for (const id of groups) {
      rules.append("nat", CHAIN.output, [group(id)], RETURN, `What group ${id} sends is not captured.`);
    }
  } else if (outboundChainAfterGroups(options) === CHAIN.output) {
    const why = "Only what the listed groups send is captured.";
    rules.append(
      "nat",
      CHAIN.output,
      groups.map((id) => not(group(id))),
      RETURN,
      why,
    );
  } else {
    for (const id of groups) {
      const why = `What group ${id} sends is captured.`;
      rules.append("nat", CHAIN.output, [group(id)], { kind: "jump", chain: CHAIN.outputGroups }, why);
    }
  }
}

/** The chain that decides after the owner: a list of groups too long for one rule needs a chain of its own. */
export function outboundChainAfterGroups(options: Options): string {
  const { kind, groups } = options.ownerGroups;
  const split = kind === "only" && options.compat === "fixed" && groups.length > MAX_OWNERS_IN_RULE;
  return split ? CHAIN.outputGroups : CHAIN.output;
}

/** Destinations left alone. */
export function excludeDestinations(rules: RuleList, options: Options): void {
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const range of options.outboundRangesExclude) {
      if (range.family !== family) continue;
      const why = `Destination ${range.text} is excluded.`;
      rules.appendIn([family], "nat", outboundChainAfterGroups(options), [to(range.text)], RETURN, why);
    }
  }
}

/** Destination ports captured whatever the address. */
export function includePorts(rules: RuleList, options: Options): void {
  for (const port of options.outboundPorts) {
    const matches = [protocolIn("iptables", "tcp"), toPort("tcp", port)];
    rules.append("nat", outboundChainAfterGroups(options), matches, TO_PROXY, `Outbound port ${port} is captured.`);
  }
}

/** Destinations captured, for the pod itself and for what arrives on its virtual interfaces. */
export function captureDestinations(rules: RuleList, options: Options): void {
  const chain = outboundChainAfterGroups(options);
  if (options.outboundRanges === "*") {
    rules.append("nat", chain, [], TO_PROXY, "Every other destination is captured.");
    for (const name of options.virtualInterfaces) {
      const why = `What comes from ${name} counts as outbound and is captured.`;
      rules.insert(1, "nat", "PREROUTING", [fromInterface(name)], TO_PROXY, why);
    }
    return;
  }
  const families: readonly Family[] = ["ipv4", "ipv6"];
  for (const family of families) {
    for (const range of options.outboundRanges) {
      if (range.family !== family) continue;
      const why = `Destination ${range.text} is captured.`;
      for (const name of options.virtualInterfaces) {
        const matches = [fromInterface(name), to(range.text)];
        rules.insertIn([family], 1, "nat", "PREROUTING", matches, TO_PROXY, why);
      }
      rules.appendIn([family], "nat", chain, [to(range.text)], TO_PROXY, why);
    }
  }
}
