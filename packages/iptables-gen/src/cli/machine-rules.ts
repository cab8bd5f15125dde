import { readFileSync } from "node:fs";
import { IptablesError } from "../errors.js";
import { parseIptablesSave, type SavedTable } from "../parse/iptables-save.js";
import { parseNftJson } from "../parse/nft-json.js";
import { detectVariant, NO_VARIANT, saveCommand, type Variant } from "../procedure/variant.js";
import type { Family } from "../rule.js";
import { perform } from "../shell/apply.js";
import { type CommandRunner, localRunner, namespaceRunner } from "../shell/run-command.js";

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

/** Rules of this machine, or of a network namespace. */
export function readMachineRules(namespace: string): SavedRules {
  const runner = namespace === "" ? localRunner : namespaceRunner(namespace);
  return { ipv4: readFamily("ipv4", runner), ipv6: readFamily("ipv6", runner) };
}

/** Native tables of this machine, or of a network namespace. */
export function readNativeRules(namespace: string): readonly SavedTable[] {
  const runner = namespace === "" ? localRunner : namespaceRunner(namespace);
  const listed = runner.run({ program: "nft", args: ["-j", "list", "ruleset"] });
  if (listed.exitCode === 0) return parseNftJson(listed.stdout);
  throw new IptablesError(
    "ERR_IPTABLES_NO_BACKEND",
    `nft cannot list its rules: ${listed.stderr.trim() || "not found"}`,
  );
}

/** Native tables from a file that `nft -j list ruleset` wrote. */
export function readNativeFile(path: string): readonly SavedTable[] {
  return parseNftJson(readText(path));
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
  return parseIptablesSave(runner.run({ program, args: [...args, "-c"] }).stdout, family);
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
