import { canonicalAddress } from "../cidr.js";
import { IptablesError } from "../errors.js";
import { type FlagResult, readFlags } from "../flags.js";
import { fillFromHost, type HostFacts } from "../host.js";
import type { Compat } from "../options.js";
import type { FlagSyntax } from "../pflag.js";
import { compileSettings, type Settings, validateSettings } from "../settings.js";
import { hostFacts } from "../shell/host-facts.js";
import { EXTRA_FLAGS } from "./extra-flags.js";
import type { Terminal } from "./main.js";

/** What a command was called with. */
export interface Input {
  /** Everything the flags said. */
  readonly flags: FlagResult;
  /** Which behaviour is reproduced. */
  readonly compat: Compat;
  /** What the host says, or what flags say instead of it. */
  readonly host: HostFacts;
  /** Text of an own flag; undefined when it was not given. */
  readonly text: (name: string) => string | undefined;
  /** Whether an own bool flag was given. */
  readonly has: (name: string) => boolean;
}

/** How a command reads its words. */
export interface InputReading {
  /** Flags of the command's own. */
  readonly own?: readonly FlagSyntax[];
  /** Behaviour when no flag says it. Default `strict`. */
  readonly fallback?: Compat;
  /** The command is istio-iptables', which looks at its host, not at the namespace it is given. */
  readonly original?: boolean;
}

/** Reads istio's flags and this program's among them. */
export async function readInput(
  terminal: Terminal,
  argv: readonly string[],
  reading: InputReading = {},
): Promise<Input> {
  const { own = [], fallback = "strict", original = false } = reading;
  const extra = [...EXTRA_FLAGS, ...own];
  const compat = compatOf(argv) ?? fallback;
  const flags = readFlags(argv, terminal.env, { compat, extra });
  for (const line of flags.advice) terminal.stderr(`${terminal.name}: ${line}\n`);
  const value = (name: string): string | undefined => {
    const found = flags.extra.get(name);
    return found === undefined ? undefined : String(found);
  };
  // The original asks its host first, so that a wrong range is only complained of where there is a network.
  if (terminal.name !== "istio-iptables" && !flags.help) checkArguments(flags.settings, compat);
  const { networkNamespace, cniMode } = flags.settings;
  const namespace = original && (compat === "strict" || cniMode) ? "" : networkNamespace;
  return {
    flags,
    compat,
    host: await hostOf(value("host-ip"), value("resolv-conf"), namespace),
    text: value,
    has: (name) => flags.extra.get(name) === true,
  };
}

function checkArguments(settings: Settings, compat: Compat): void {
  validateSettings(settings);
  compileSettings(settings, compat);
}

/** The behaviour decides which flags exist, so it is looked for before they are parsed. */
function compatOf(argv: readonly string[]): Compat | undefined {
  const at = argv.findLastIndex((word) => word === "--compat" || word.startsWith("--compat="));
  if (at < 0) return undefined;
  const value = argv[at] === "--compat" ? argv[at + 1] : argv[at]?.slice("--compat=".length);
  if (value === "strict" || value === "fixed") return value;
  const message = `--compat: expected strict or fixed, got ${JSON.stringify(value ?? "")}`;
  throw new IptablesError("ERR_IPTABLES_VALUE", message, { path: "--compat", exitCode: 2 });
}

async function hostOf(
  addresses: string | undefined,
  resolvConf: string | undefined,
  namespace: string,
): Promise<HostFacts> {
  const machine = namespace === "" ? hostFacts(resolvConf) : await factsIn(namespace, resolvConf);
  if (addresses === undefined) return machine;
  const given = addresses.split(",");
  const wrong = given.find((text) => !isHostAddress(text));
  if (wrong === undefined) return { ...machine, addresses: () => given };
  const message = `--host-ip: expected IP addresses, with or without /bits, got ${JSON.stringify(wrong)}`;
  throw new IptablesError("ERR_IPTABLES_VALUE", message, { path: "--host-ip", exitCode: 2 });
}

function isHostAddress(text: string): boolean {
  const [, base = "", bits = "0"] = /^([^/]*)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const address = canonicalAddress(base);
  return address !== undefined && Number(bits) <= (address.family === "ipv4" ? 32 : 128);
}

async function factsIn(namespace: string, resolvConf: string | undefined): Promise<HostFacts> {
  const { namespaceFacts } = await import("../shell/namespace-facts.js");
  const { namespaceRunner } = await import("../shell/run-command.js");
  return namespaceFacts(namespace, namespaceRunner(namespace), resolvConf);
}

/** Settings with what the host knows; checked. */
export function settingsOf({ flags, host }: Input): Settings {
  const settings = fillFromHost(flags.settings, flags.envoyUser, host);
  validateSettings(settings);
  return settings;
}

/** Refuses words that are neither flags nor values: a typing error must not change a machine, nor pass for an answer. */
export function refuseWords({ flags }: Pick<Input, "flags">): void {
  const [word] = flags.positional;
  if (word === undefined) return;
  const hints = "a command word stands first, a file is named by --rules, and * is written '*'";
  const message = `expected flags only, got ${JSON.stringify(word)}; ${hints}`;
  throw new IptablesError("ERR_IPTABLES_VALUE", message, { path: word, exitCode: 2 });
}
