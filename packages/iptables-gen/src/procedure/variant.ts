import { IptablesError } from "../errors.js";
import { goQuote } from "../go-text.js";
import type { Compat } from "../options.js";
import type { Family } from "../rule.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";

/** The set of iptables programs used for one family. */
export interface Variant {
  /** The program that changes single rules; `-save` and `-restore` are named after it. Empty: there is none. */
  readonly binary: string;
  /** Version, most significant part first. */
  readonly version: readonly number[];
  /** Whether it is the legacy variant, which has a lock. */
  readonly legacy: boolean;
  /** Whether its tables already have rules. */
  readonly existingRules: boolean;
  /** In CNI mode: the network namespace whose file is locked. */
  readonly podNamespace?: string;
}

/** No programs at all: reading says so, writing is never tried. */
export const NO_VARIANT: Variant = { binary: "", version: [], legacy: false, existingRules: false };

/** The names a dry run uses, without asking the machine. */
export function plainVariant(family: Family): Variant {
  return { binary: plainBinary(family), version: [], legacy: false, existingRules: false };
}

/** Reads all tables. */
export function saveCommand(variant: Variant): Command {
  return { program: `${variant.binary}-save`, args: [], ...sandboxOf(variant, false) };
}

/** Changes or checks one rule. */
export function ruleCommand(variant: Variant, args: readonly string[]): Command {
  return { program: variant.binary, args: [...args, ...lockWords(variant)], ...sandboxOf(variant, true) };
}

/** Loads a restore text on top of what is there. */
export function restoreCommand(variant: Variant, stdin: string): Command {
  const args = ["--noflush", ...lockWords(variant)];
  return { program: `${variant.binary}-restore`, args, stdin, ...sandboxOf(variant, true) };
}

/** Legacy has a lock since 1.6.2; nf_tables has none. */
const LOCK_SINCE = [1, 6, 2];
const LOCK_WORDS = ["--wait=30"];
/** Since when a variable names the lock file. */
const LOCK_VARIABLE_SINCE = [1, 8, 6];

function sandboxOf(variant: Variant, writes: boolean): Pick<Command, "sandbox"> {
  const { podNamespace: lockFile, version } = variant;
  if (lockFile === undefined) return {};
  if (!writes || lockWords(variant).length === 0) return { sandbox: {} };
  return { sandbox: { lockFile, lockBy: atLeast(version, LOCK_VARIABLE_SINCE) ? "environment" : "mount" } };
}

function lockWords({ legacy, version }: Variant): readonly string[] {
  return legacy && atLeast(version, LOCK_SINCE) ? LOCK_WORDS : [];
}

/** Whether a version is at least another, part by part. */
export function atLeast(version: readonly number[], least: readonly number[]): boolean {
  for (let i = 0; i < Math.max(version.length, least.length); i++) {
    const difference = (version[i] ?? 0) - (least[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** The version in a program's `--version` output, undefined when there is none. */
export function parseVersion(text: string): readonly number[] | undefined {
  return /v([0-9]+(?:\.[0-9]+)+)/.exec(text)?.[1]?.split(".").map(Number);
}

/**
 * Finds out which iptables programs to use: legacy if it has rules, else nf_tables, else whatever `iptables` is.
 *
 * `strict` counts lines of the save output, so that a probe's own empty table makes the next run choose legacy; `fixed` counts rules
 * and probes without writing.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_NO_BACKEND`.
 */
export function* detectVariant(family: Family, forced: string, compat: Compat): Procedure<Variant> {
  const plain = plainBinary(family);
  if (forced !== "") {
    const result = yield* examine(`${plain}-${forced}`, compat);
    if (typeof result !== "string") return result;
    const nothing =
      "{DetectedBinary: DetectedSaveBinary: DetectedRestoreBinary: Version:<nil> Legacy:false ExistingRules:false}";
    yield* log("error", `did not find iptables binary, error was ${result}: ${nothing}`);
    throw new IptablesError("ERR_IPTABLES_NO_BACKEND", result, { path: "--force-iptables-binary" });
  }
  // Looking into a legacy table creates it, and the next run would take it for one in use.
  const legacy = yield* examine(`${plain}-legacy`, compat, compat === "strict");
  if (typeof legacy !== "string" && legacy.existingRules) return legacy;
  const nft = yield* examine(`${plain}-nft`, compat);
  if (typeof nft !== "string") return nft;
  const last = yield* examine(plain, compat);
  if (typeof last === "string") throw new IptablesError("ERR_IPTABLES_NO_BACKEND", last);
  return last;
}

function plainBinary(family: Family): string {
  return family === "ipv4" ? "iptables" : "ip6tables";
}

/** The variant of a binary, or why it cannot be used. */
function* examine(binary: string, compat: Compat, tryKernel = true): Procedure<Variant | string> {
  const save = `${binary}-save`;
  const dump = yield* attempt(save, []);
  if (dump.failure !== undefined) return `failed to execute ${save}: ${dump.failure} ${dump.stdout}${dump.stderr}`;
  const asked = yield* attempt(save, ["--version"]);
  let version: readonly number[] | undefined = [0, 0, 0];
  let legacy = true;
  if (asked.failure === undefined && !asked.stderr.includes("unrecognized option")) {
    version = parseVersion(asked.stdout);
    const text = goQuote(asked.stdout);
    if (version === undefined) {
      return `iptables version ${text} is not a valid version string: no iptables version found for: ${text}`;
    }
    legacy = !asked.stdout.includes("nf_tables");
  } else {
    const what = "but it does not appear to support the '--version' flag, assuming very old legacy version";
    yield* log("warn", `found iptables binary ${save}, ${what}\tbinary=${binary}`);
  }
  const variant: Variant = { binary, version, legacy, existingRules: hasRules(dump.stdout + dump.stderr, compat) };
  // A table that has rules works.
  if (!tryKernel || (compat === "fixed" && variant.existingRules)) return variant;
  const lock = lockWords(variant);
  const rule = ["-t", "nat", compat === "fixed" ? "-S" : "-A", "INPUT"];
  if (compat === "strict") rule.push("-p", "255", "-j", "RETURN");
  const probe = yield* attempt(binary, [...rule, ...lock]);
  if (probe.failure !== undefined || probe.stderr.includes("does not exist")) {
    const reason = `err: ${probe.failure ?? "<nil>"} out: ${probe.stderr}`;
    return `iptables binary ${binary} has no loaded kernel support and cannot be used, ${reason}`;
  }
  if (compat === "strict") {
    yield* attempt(binary, rule.map((word) => (word === "-A" ? "-D" : word)).concat(lock));
  }
  return variant;
}

interface Attempt {
  readonly stdout: string;
  readonly stderr: string;
  readonly failure: string | undefined;
}

function* attempt(program: string, args: readonly string[]): Procedure<Attempt> {
  const command: Command = { program, args };
  const result = yield* run(command, true);
  return { stdout: result.stdout, stderr: result.stderr, failure: failure(command, result) };
}

function hasRules(dump: string, compat: Compat): boolean {
  if (compat === "strict") return dump.split("\n").length > 3;
  return dump.split("\n").some((line) => line.startsWith("-A ") || /^:\S+ - /.test(line));
}
