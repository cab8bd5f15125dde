import { nftChainName } from "./chains.js";
import { iptablesWords } from "./render/iptables-words.js";
import { listedRule } from "./render/nft-list.js";
import { nftForm } from "./render/nftables.js";
import type { Rule } from "./rule.js";
import { endpointText, type Packet } from "./walk/packet.js";
import type { Explanation, WalkSource } from "./walk/walk.js";

/** An explanation for people: each rule that was looked at, those that matched marked and with their reason, and the end. */
export function explanationText(packet: Packet, explanation: Explanation, source: WalkSource): string {
  const write = writerFor(source);
  let out = `${packetText(packet)}\n`;
  let table = "";
  for (const { rule, matched, depth } of explanation.trace) {
    if (table !== rule.table) out += `  ${rule.table}\n`;
    table = rule.table;
    const sign = matched === true ? "*" : matched === false ? " " : "?";
    const why = matched === true && rule.why !== "" ? `    # ${rule.why}` : "";
    out += `  ${sign} ${"  ".repeat(depth)}${write(rule)}${why}\n`;
  }
  return out + endText(explanation);
}

function writerFor(source: WalkSource): (rule: Rule) => string {
  const inNft = (rule: Rule): string => `${nftChainName(rule.chain)} ${listedRule(rule)}`;
  if ("native" in source) return inNft;
  if ("saved" in source || source.backend !== "nftables") return (rule) => iptablesWords(rule).join(" ");
  return (rule) => inNft(nftForm(rule, source.rules));
}

function packetText(packet: Packet): string {
  const who =
    packet.owner === undefined
      ? `in by ${packet.inInterface ?? "the network"}`
      : `from uid ${packet.owner.uid} gid ${packet.owner.gid}`;
  const to = endpointText({ address: packet.destination, port: packet.destinationPort });
  return `${packet.protocol} ${who} to ${to}`;
}

function endText({ kind, address, port, by, originalDestination, ...rest }: Explanation): string {
  const end = endpointText({ address, port });
  const where =
    kind === "dropped"
      ? "dropped"
      : kind === "sent"
        ? `sent to ${end} by ${rest.interface}`
        : `delivered to ${end} on this machine`;
  let out = `=> ${where}${by === undefined ? ", untouched" : ` by ${by}`}\n`;
  if (by !== undefined) out += `   original destination ${endpointText(originalDestination)}\n`;
  if (rest.repliesLost === true)
    out += "   TPROXY keeps the replies on this machine: the connection is never answered\n";
  if (rest.unknown.length > 0)
    out += `   ${rest.unknown.length} foreign rules could not be judged and were passed over\n`;
  return out;
}
