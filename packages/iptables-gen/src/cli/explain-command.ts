import { IptablesError } from "../errors.js";
import type { FlagSyntax } from "../pflag.js";
import { iptablesWords } from "../render/iptables-words.js";
import { nftForm, nftWords } from "../render/nftables.js";
import type { Backend, Rule } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { DEFAULT_SURROUNDINGS, endpointText, type Packet, readAddress, type Surroundings } from "../walk/packet.js";
import { createWalker, type Explanation, type WalkSource } from "../walk/walk.js";
import { type Input, readInput, rulesOf } from "./input.js";
import { readMachineRules, readRuleFile } from "./machine-rules.js";
import type { Terminal } from "./main.js";

const FLAGS: readonly FlagSyntax[] = [
  { long: "uid", type: "string" },
  { long: "gid", type: "string" },
  { long: "to", type: "string" },
  { long: "from", type: "string" },
  { long: "in", type: "string" },
  { long: "proto", type: "string" },
  { long: "rules", type: "string" },
  { long: "live", type: "bool" },
];

/** `weft-iptables explain --uid 1000 --to 10.0.0.5:443`: rule by rule, who receives a packet. */
export function explain(terminal: Terminal, argv: readonly string[]): number {
  const input = readInput(terminal, argv, FLAGS);
  const packet = packetOf(input);
  const addresses = [...input.host.addresses()].filter((text) => !/^(?:127\.|::1(?:\/|$)|fe80)/.test(text));
  const surroundings: Surroundings =
    addresses.length === 0 ? DEFAULT_SURROUNDINGS : { interfaces: [{ name: input.text("in") ?? "eth0", addresses }] };
  const backend: Backend = input.flags.settings.nativeNftables ? "nftables" : "iptables";
  const rules = input.text("rules") === undefined && !input.has("live") ? rulesOf(input, terminal) : undefined;
  const source: WalkSource = rules === undefined ? { saved: savedOf(input) } : { rules, backend };
  const explanation = createWalker(source, surroundings).explain(packet);
  const write = (rule: Rule): string =>
    backend === "nftables" && rules !== undefined ? nftText(rule, rules) : iptablesWords(rule).join(" ");
  terminal.stdout(input.has("json") ? `${JSON.stringify(explanation, null, 2)}\n` : text(packet, explanation, write));
  return 0;
}

function savedOf(input: Input): ReturnType<typeof readRuleFile> {
  const file = input.text("rules");
  return file === undefined ? readMachineRules(input.flags.settings.networkNamespace) : readRuleFile(file);
}

function nftText(rule: Rule, rules: RuleSet): string {
  return `${rule.chain.toLowerCase().replaceAll("_", "-")} ${nftWords(nftForm(rule, rules)).join(" ")}`;
}

function packetOf(input: Input): Packet {
  const { address: destination, port: destinationPort } = endpointOf(input, "to", true);
  const proto = input.text("proto") ?? "tcp";
  if (proto !== "tcp" && proto !== "udp") throw refuse("--proto", "tcp or udp", proto);
  const from = input.text("from") === undefined ? undefined : endpointOf(input, "from", false);
  const inInterface = input.text("in");
  const uid = input.text("uid");
  const gid = input.text("gid") ?? uid;
  const outside = inInterface !== undefined || (uid === undefined && gid === undefined && from !== undefined);
  return {
    protocol: proto,
    destination,
    destinationPort,
    ...(from === undefined ? {} : { source: from.address }),
    ...(from === undefined || from.port === 0 ? {} : { sourcePort: from.port }),
    ...(outside ? {} : { owner: { uid: uid ?? "0", gid: gid ?? "0" } }),
    ...(inInterface === undefined ? {} : { inInterface }),
  };
}

function endpointOf(input: Input, flag: string, needsPort: boolean): { address: string; port: number } {
  const value = input.text(flag) ?? "";
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]*|[^:]*:[^:]*:.*?))(?::([0-9]+))?$/.exec(value) ?? [];
  const port = Number(portText ?? 0);
  if (port > 65535 || (needsPort && portText === undefined))
    throw refuse(`--${flag}`, "ADDRESS:PORT or [ADDRESS]:PORT", value);
  return { address: readAddress(bracketed ?? plain ?? "").text, port };
}

function refuse(path: string, expected: string, got: string): IptablesError {
  const message = `${path}: expected ${expected}, got ${JSON.stringify(got)}`;
  return new IptablesError("ERR_IPTABLES_VALUE", message, { path, exitCode: 2 });
}

function text(packet: Packet, explanation: Explanation, write: (rule: Rule) => string): string {
  const who =
    packet.owner === undefined
      ? `in by ${packet.inInterface ?? "the network"}`
      : `from uid ${packet.owner.uid} gid ${packet.owner.gid}`;
  const to = endpointText({ address: packet.destination, port: packet.destinationPort });
  let out = `${packet.protocol} ${who} to ${to}\n`;
  let table = "";
  for (const { rule, matched, depth } of explanation.trace) {
    if (table !== rule.table) out += `  ${rule.table}\n`;
    table = rule.table;
    const sign = matched === true ? "*" : matched === false ? " " : "?";
    const why = matched === true && rule.why !== "" ? `    # ${rule.why}` : "";
    out += `  ${sign} ${"  ".repeat(depth)}${write(rule)}${why}\n`;
  }
  const { kind, address, port, by, originalDestination } = explanation;
  const end = endpointText({ address, port });
  const where =
    kind === "dropped"
      ? "dropped"
      : kind === "sent"
        ? `sent to ${end} by ${explanation.interface}`
        : `delivered to ${end} on this machine`;
  out += `=> ${where}${by === undefined ? ", untouched" : ` by ${by}`}\n`;
  if (by !== undefined) out += `   original destination ${endpointText(originalDestination)}\n`;
  if (explanation.unknown.length > 0)
    out += `   ${explanation.unknown.length} foreign rules could not be judged and were passed over\n`;
  return out;
}
