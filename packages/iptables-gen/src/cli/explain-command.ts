import { isId } from "../check-options.js";
import { IptablesError } from "../errors.js";
import { explanationText } from "../explanation-text.js";
import type { FlagSyntax } from "../pflag.js";
import { readLiveRules, readNativeRules, runnerFor } from "../shell/machine-rules.js";
import { readNativeFile, readRuleFile } from "../shell/rule-file.js";
import { DEFAULT_SURROUNDINGS, type Packet, readAddress, type Surroundings } from "../walk/packet.js";
import { createWalker, type WalkSource } from "../walk/walk.js";
import { type Input, readInput, refuseWords } from "./input.js";
import type { Terminal } from "./main.js";
import { rulesOf } from "./wanted-rules.js";

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
export async function explain(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { own: FLAGS });
  refuseWords(input);
  const packet = packetOf(input);
  const addresses = [...input.host.addresses()].filter((text) => !/^(?:127\.|::1(?:\/|$)|fe80)/.test(text));
  const surroundings: Surroundings =
    addresses.length === 0 ? DEFAULT_SURROUNDINGS : { interfaces: [{ name: input.text("in") ?? "eth0", addresses }] };
  const source = sourceOf(input, terminal);
  const explanation = createWalker(source, surroundings).explain(packet);
  const text = input.has("json")
    ? `${JSON.stringify(explanation, null, 2)}\n`
    : explanationText(packet, explanation, source);
  terminal.stdout(text);
  return 0;
}

/** A file, the live machine, or what the flags would make. */
function sourceOf(input: Input, terminal: Terminal): WalkSource {
  const { nativeNftables: native, networkNamespace } = input.flags.settings;
  const file = input.text("rules");
  if (file !== undefined && input.has("live")) throw conflict("--rules", "--live");
  if (file !== undefined) return native ? { native: readNativeFile(file) } : { saved: readRuleFile(file) };
  if (!input.has("live")) return { rules: rulesOf(input, terminal), backend: native ? "nftables" : "iptables" };
  const runner = runnerFor(networkNamespace);
  return native ? { native: readNativeRules(runner) } : readLiveRules(runner);
}

function packetOf(input: Input): Packet {
  const { address: destination, port: destinationPort } = endpointOf(input, "to", true);
  const proto = input.text("proto") ?? "tcp";
  if (proto !== "tcp" && proto !== "udp") throw refuse("--proto", "tcp or udp", proto);
  const from = input.text("from") === undefined ? undefined : endpointOf(input, "from", false);
  const inInterface = input.text("in");
  const uid = input.text("uid");
  const gid = input.text("gid") ?? uid;
  for (const flag of ["uid", "gid"]) {
    const id = input.text(flag);
    if (id !== undefined && !isId(id)) throw refuse(`--${flag}`, "a numeric id or a name", id);
    if (id !== undefined && inInterface !== undefined) throw conflict(`--${flag}`, "--in");
  }
  if (from !== undefined && from.address.includes(":") !== destination.includes(":")) {
    throw refuse("--from", "an address of the family of --to", from.address);
  }
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
  if (port > 65535 || (needsPort && port === 0)) throw refuse(`--${flag}`, "ADDRESS:PORT or [ADDRESS]:PORT", value);
  try {
    return { address: readAddress(bracketed ?? plain ?? "").text, port };
  } catch (error) {
    if (error instanceof IptablesError) throw refuse(`--${flag}`, "an IP address", bracketed ?? plain ?? "");
    throw error;
  }
}

function conflict(one: string, other: string): IptablesError {
  const message = `${one} and ${other} exclude each other`;
  return new IptablesError("ERR_IPTABLES_VALUE", message, { path: one, exitCode: 2 });
}

function refuse(path: string, expected: string, got: string): IptablesError {
  const message = `${path}: expected ${expected}, got ${JSON.stringify(got)}`;
  return new IptablesError("ERR_IPTABLES_VALUE", message, { path, exitCode: 2 });
}
