import { readFileSync } from "node:fs";
import { IptablesError } from "../errors.js";
import { parseIptablesSave, type SavedTable } from "../parse/iptables-save.js";
import { parseNftJson } from "../parse/nft-json.js";
import { detectVariant, NO_VARIANT, saveCommand, type Variant } from "../procedure/variant.js";
import type { Family } from "../rule.js";
import type { NativeSource, SavedSource } from "../walk/walk.js";
import { perform } from "./perform.js";
import { type CommandRunner, localRunner, namespaceRunner } from "./run-command.js";

/** Rules of both families. */
export type SavedRules = Readonly<Record<Family, readonly SavedTable[]>>;

/** Most bytes of a rule file: more is not what iptables-save prints. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Rules from a file that iptables-save wrote, `-` for standard input; the family is told by the addresses in it.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_PARSE`, exit code 2.
 */
export function readRuleFile(path: string): SavedRules {
  const text = readText(path);
  const family: Family = /(?:^|\s)(?:-s|-d) [0-9a-f]*:[0-9a-f:]*/im.test(text) ? "ipv6" : "ipv4";
  try {
    const tables = parseIptablesSave(text, family);
    return family === "ipv4" ? { ipv4: tables, ipv6: [] } : { ipv4: [], ipv6: tables };
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    throw refuse(`${path}:${error.path} ${error.message}`);
  }
}

/** Runs programs on this machine, or in a network namespace; the empty path is the machine's own. */
export function runnerFor(namespace: string): CommandRunner {
  return namespace === "" ? localRunner : namespaceRunner(namespace);
}

/** Rules of the machine a runner runs programs on. */
export function readMachineRules(runner: CommandRunner): SavedRules {
  return { ipv4: readFamily("ipv4", runner), ipv6: readFamily("ipv6", runner) };
}

/** Native tables of the machine a runner runs programs on. */
export function readNativeRules(runner: CommandRunner): readonly SavedTable[] {
  const listed = runner.run({ program: "nft", args: ["-j", "list", "ruleset"] });
  if (listed.exitCode === 0) return parseNftJson(listed.stdout);
  throw new IptablesError(
    "ERR_IPTABLES_NO_BACKEND",
    `nft cannot list its rules: ${listed.stderr.trim() || "not found"}`,
  );
}

/** The rules in force, of the back end that has ours; iptables when neither has. */
export function readLiveRules(runner: CommandRunner): SavedSource | NativeSource {
  const listed = runner.run({ program: "nft", args: ["-j", "list", "ruleset"] });
  const native = listed.exitCode === 0 ? parseNftJson(listed.stdout) : [];
  return native.length > 0 ? { native } : { saved: readMachineRules(runner) };
}

/**
 * Native tables from a file that `nft -j list ruleset` wrote, `-` for standard input.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_PARSE`, exit code 2.
 */
export function readNativeFile(path: string): readonly SavedTable[] {
  const text = readText(path);
  try {
    return parseNftJson(text);
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    throw refuse(`${path}: ${error.message}`);
  }
}

function readFamily(family: Family, runner: CommandRunner): readonly SavedTable[] {
  let variant: Variant;
  try {
    variant = perform(detectVariant(family, "", "fixed"), runner, () => {});
  } catch (error) {
    if (family === "ipv4" || !(error instanceof IptablesError)) throw error;
    variant = NO_VARIANT;
  }
  if (variant.binary === "") return [];
  const { program, args } = saveCommand(variant);
  // With -c the text has counters, which reports use and comparisons ignore.
  const saved = runner.run({ program, args: [...args, "-c"] });
  if (saved.exitCode === 0) return parseIptablesSave(saved.stdout, family);
  throw new IptablesError("ERR_IPTABLES_NO_BACKEND", `${program}: ${saved.stderr.trim() || "failed"}`);
}

function readText(path: string): string {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw refuse(`${path}: cannot be read (${reason})`);
  }
  if (text.length <= MAX_BYTES && !text.includes("\0")) return text;
  throw refuse(`${path}: not a rule set`);
}

function refuse(message: string): IptablesError {
  return new IptablesError("ERR_IPTABLES_PARSE", message, { exitCode: 2 });
}
