import { FLAGS, LOGGING_FLAGS, REMOVED_FLAGS, REMOVED_VARIABLES, VARIABLES } from "./flag-table.js";
import { fillFromHost, type HostFacts } from "./host.js";
import type { Compat, Options } from "./options.js";
import { type FlagSyntax, type FlagValue, parseArguments, parseFlagValue } from "./pflag.js";
import { compileSettings, DEFAULT_SETTINGS, type Settings, validateSettings } from "./settings.js";

/** Environment variables; an empty value counts as set. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How flags are read. */
export interface FlagReading {
  /** `strict` refuses flags of earlier releases and swallows malformed variables, as the original does. */
  readonly compat: Compat;
  /** Flags of the calling program that may stand among istio's. */
  readonly extra?: readonly FlagSyntax[];
}

/** Flags and variables, before the host is asked. */
export interface FlagResult {
  /** Everything istio-iptables knows. */
  readonly settings: Settings;
  /** Values of the flags in `extra` and of removed flags, by long name. What `restore-format` and `output-paths` ask for is up to the caller. */
  readonly extra: ReadonlyMap<string, FlagValue>;
  /** Words that are neither flags nor values. */
  readonly positional: readonly string[];
  /** User whose id `--proxy-uid` defaults to. */
  readonly envoyUser: string;
  /** File for the transcript of a dry run; empty: none. */
  readonly dryRunFile: string;
  /** Help was asked for; the settings are then not to be used. */
  readonly help: boolean;
  /** What the original warns about. */
  readonly warnings: readonly string[];
  /** What the original says nothing about: values that were ignored or replaced. */
  readonly advice: readonly string[];
}

/**
 * Reads flags and variables: built-in default, then variable, then flag.
 *
 * @throws {@link IptablesError} with exit code 255, worded as the original words it.
 */
export function readFlags(argv: readonly string[], env: Environment, reading: FlagReading): FlagResult {
  const fixed = reading.compat === "fixed";
  const warnings: string[] = [];
  const advice: string[] = [];
  const settings: Record<string, unknown> = { ...DEFAULT_SETTINGS, ...fromVariables(env) };
  for (const flag of FLAGS) {
    for (const name of flag.env) readVariable(name, flag, settings, env, fixed, warnings, advice);
  }
  const envoyPort = env["ENVOY_PORT"];
  if (fixed && envoyPort !== undefined) settings["envoyPort"] = envoyPort;
  const own = [...(reading.extra ?? []), ...(fixed ? REMOVED_FLAGS : [])];
  const parsed = parseArguments([...FLAGS, ...LOGGING_FLAGS, ...own], argv);
  for (const flag of FLAGS) {
    const value = parsed.values.get(flag.long);
    if (value !== undefined) settings[flag.field] = value;
  }
  if (fixed) advice.push(...applyRemovedFlags(parsed.values, settings));
  else if (envoyPort !== undefined && envoyPort !== settings["envoyPort"]) {
    advice.push(`ENVOY_PORT=${envoyPort} has no effect; use --envoy-port.`);
  }
  for (const name of REMOVED_VARIABLES) {
    if (env[name] !== undefined) advice.push(`${name} was removed from istio-iptables and has no effect.`);
  }
  return {
    settings: settings as unknown as Settings,
    extra: new Map([...parsed.values].filter(([name]) => own.some((flag) => flag.long === name))),
    positional: parsed.positional,
    envoyUser: env["ENVOY_USER"] ?? variableDefault("ENVOY_USER"),
    dryRunFile: env["DRY_RUN_FILE_PATH"] ?? "",
    help: parsed.help,
    warnings,
    advice,
  };
}

/**
 * Typed options from flags, variables and the host.
 *
 * @throws {@link IptablesError} with the original's message and exit code.
 * @example
 * ```ts
 * import { parseFlags } from "@weftmesh/iptables-gen";
 *
 * const host = { addresses: () => ["10.0.0.5/24"], resolvConf: () => "", userId: () => undefined };
 * const options = parseFlags(["-b", "*", "-i", "*"], {}, host);
 * console.log(options.outboundRanges); // *
 * ```
 */
export function parseFlags(
  argv: readonly string[],
  env: Environment,
  host: HostFacts,
  compat: Compat = "fixed",
): Options {
  const { settings, envoyUser } = readFlags(argv, env, { compat });
  const filled = fillFromHost(settings, envoyUser, host);
  validateSettings(filled);
  return compileSettings(filled, compat).options;
}

function fromVariables(env: Environment): Partial<Settings> {
  return {
    outboundOwnerGroups: env["ISTIO_OUTBOUND_OWNER_GROUPS"] ?? DEFAULT_SETTINGS.outboundOwnerGroups,
    outboundOwnerGroupsExclude: env["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] ?? "",
    ipv4LoopbackCidr: env["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR"] ?? DEFAULT_SETTINGS.ipv4LoopbackCidr,
  };
}

function readVariable(
  name: string,
  flag: (typeof FLAGS)[number],
  settings: Record<string, unknown>,
  env: Environment,
  fixed: boolean,
  warnings: string[],
  advice: string[],
): void {
  const text = env[name];
  if (text === undefined) return;
  const parsed = parseFlagValue(flag.type, text);
  if (!parsed.ok && name === "ISTIO_DUAL_STACK") {
    // The agent registers this one variable twice and warns about it without its name.
    warnings.push(`Invalid environment variable value \`${text}\`, expecting true/false, defaulting to false`);
  }
  if (parsed.ok || !fixed) settings[flag.field] = parsed.value;
  if (!parsed.ok) advice.push(`${name}: ${parsed.message}; using ${settings[flag.field]}`);
}

function applyRemovedFlags(values: ReadonlyMap<string, FlagValue>, settings: Record<string, unknown>): string[] {
  const version = values.get("iptables-version");
  if (version !== undefined && settings["forceIptablesBinary"] === "") settings["forceIptablesBinary"] = version;
  return ["iptables-trace-logging", "host-nsenter-exec"]
    .filter((long) => values.has(long))
    .map((long) => `--${long} was removed from istio-iptables and has no effect.`);
}

function variableDefault(name: string): string {
  return VARIABLES.find((variable) => variable.name === name)?.default ?? "";
}
