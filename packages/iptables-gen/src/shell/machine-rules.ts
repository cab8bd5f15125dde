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
