import { checkOptions } from "../check-options.js";
import { formatIssue, IptablesError } from "../errors.js";
import { type FlagResult, readFlags } from "../flags.js";
import { fillFromHost, type HostFacts } from "../host.js";
import type { Compat, Options } from "../options.js";
import type { FlagSyntax } from "../pflag.js";
import { generate, type RuleSet } from "../rule-set.js";
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

/** Reads istio's flags and this program's among them. */
export function readInput(
  terminal: Terminal,
  argv: readonly string[],
  own: readonly FlagSyntax[] = [],
  fallback: Compat = "strict",
): Input {
  const extra = [...EXTRA_FLAGS, ...own];
  const compat = compatOf(argv) ?? fallback;
  const flags = readFlags(argv, terminal.env, { compat, extra });
  for (const line of flags.advice) terminal.stderr(`${terminal.name}: ${line}\n`);
  const value = (name: string): string | undefined => {
    const found = flags.extra.get(name);
    return found === undefined ? undefined : String(found);
  };
  return {
    flags,
    compat,
    host: hostOf(value("host-ip"), value("resolv-conf")),
    text: value,
    has: (name) => flags.extra.get(name) === true,
  };
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

function hostOf(addresses: string | undefined, resolvConf: string | undefined): HostFacts {
  const machine = hostFacts(resolvConf);
  return addresses === undefined ? machine : { ...machine, addresses: () => addresses.split(",") };
}

/** Settings with what the host knows; checked. */
export function settingsOf({ flags, host }: Input): Settings {
  const settings = fillFromHost(flags.settings, flags.envoyUser, host);
  validateSettings(settings);
  return settings;
}

/** Typed options and their rules. With `--strict-input`, values the kernel's tools would refuse are refused here. */
export function rulesOf(input: Input, terminal: Terminal): RuleSet {
  const { options, warnings } = compileSettings(settingsOf(input), input.compat);
  for (const warning of warnings) terminal.stderr(`${terminal.name}: ${warning}\n`);
  if (input.has("strict-input")) refuseInvalid(options);
  return generate(options);
}

/** Throws one error with every value that is refused. */
export function refuseInvalid(options: Options): void {
  const issues = checkOptions(options);
  const [first] = issues;
  if (first === undefined) return;
  const message = issues.map(formatIssue).join("\n");
  throw new IptablesError(first.code, message, { path: first.path, issues });
}
