import { NFT_TABLES } from "../chains.js";
import { requirementsOf } from "../doctor.js";
import { parseIptablesSave } from "../parse/iptables-save.js";
import { parseNftJson } from "../parse/nft-json.js";
import { ownStateOf } from "../plan.js";
import { renderNftables } from "../render/nftables.js";
import type { RuleSet } from "../rule-set.js";
import { runnerFor } from "../shell/machine-rules.js";
import { type CommandRunner, localRunner } from "../shell/run-command.js";
import { readInput, refuseWords } from "./input.js";
import type { Terminal } from "./main.js";
import { rulesOf } from "./wanted-rules.js";

interface Tried {
  readonly variant: string;
  readonly feature: string;
  readonly module: string;
  readonly ok: boolean;
  readonly message: string;
}

/**
 * `weft-iptables doctor [flags]`: tries everything the rules need in a network namespace that exists only for the trial, and says which
 * back ends hold rules of ours. Exit 1 when something is missing in every variant that is installed, or more than one is in use.
 */
export async function doctor(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv);
  refuseWords(input);
  const { nativeNftables, networkNamespace } = input.flags.settings;
  const rules = rulesOf(input, terminal);
  const variants = nativeNftables ? [tryNative(rules)] : ["-nft", "-legacy"].map((suffix) => tryVariant(rules, suffix));
  const inUse = backendsInUse(runnerFor(networkNamespace));
  const results = variants.flat();
  if (input.has("json")) terminal.stdout(`${JSON.stringify({ results, inUse }, null, 2)}\n`);
  else {
    for (const { variant, feature, module, ok, message } of results) {
      const [reason = ""] = message.split("\n");
      terminal.stdout(
        `${ok ? "ok     " : "MISSING"} ${variant} ${feature}${ok ? "" : ` (module ${module}): ${reason}`}\n`,
      );
    }
    const several = inUse.length > 1 ? "; each rewrites the same packets once more, run clean" : "";
    terminal.stdout(`rules of ours in: ${inUse.join(", ") || "no back end"}${several}\n`);
  }
  return inUse.length < 2 && variants.some((tried) => tried.every(({ ok }) => ok)) ? 0 : 1;
}

function tryVariant(rules: RuleSet, suffix: string): readonly Tried[] {
  return requirementsOf(rules).map(({ feature, module, trial, family }) => {
    const variant = `${family === "ipv4" ? "iptables" : "ip6tables"}${suffix}-restore`;
    return { variant, feature, module, ...tryOut(variant, ["--noflush"], trial) };
  });
}

/** Modules nft loads by itself for what a native table has. */
const NFT_MODULES: Readonly<Record<string, string>> = {
  nat: "nft_chain_nat, nft_redir",
  mangle: "nft_tproxy, nft_ct",
  raw: "nft_ct",
};

function tryNative({ rules, options }: RuleSet): readonly Tried[] {
  return NFT_TABLES.flatMap(({ table, name }): readonly Tried[] => {
    const text = renderNftables({ rules: rules.filter((rule) => rule.table === table), options });
    if (!text.includes("add rule")) return [];
    return [
      {
        variant: "nft",
        feature: `table ${name}`,
        module: NFT_MODULES[table] ?? "",
        ...tryOut("nft", ["-f", "-"], text),
      },
    ];
  });
}

function tryOut(program: string, args: readonly string[], stdin: string): Pick<Tried, "ok" | "message"> {
  const { exitCode, stderr, missing } = localRunner.run({
    program: "unshare",
    args: ["--net", "--", program, ...args],
    stdin,
  });
  const message = missing === true ? "unshare is not installed, so nothing can be tried" : stderr.trim();
  return { ok: exitCode === 0, message };
}

/** Reading a legacy table makes it, but an empty one holds no rules of ours. */
function backendsInUse(runner: CommandRunner): readonly string[] {
  const found: string[] = [];
  for (const suffix of ["-legacy", "-nft"]) {
    for (const family of ["ipv4", "ipv6"] as const) {
      const binary = `${family === "ipv4" ? "iptables" : "ip6tables"}${suffix}`;
      const saved = runner.run({ program: `${binary}-save`, args: [] });
      const own = saved.exitCode === 0 ? ownStateOf(parseIptablesSave(saved.stdout, family)) : new Map();
      if (own.size > 0 && !found.includes(`iptables${suffix}`)) found.push(`iptables${suffix}`);
    }
  }
  const listed = runner.run({ program: "nft", args: ["-j", "list", "ruleset"] });
  if (listed.exitCode === 0 && parseNftJson(listed.stdout).length > 0) found.push("native nft");
  return found;
}
