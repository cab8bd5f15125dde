import { NFT_TABLES } from "../chains.js";
import { IptablesError } from "../errors.js";
import { parseIptablesSave } from "../parse/iptables-save.js";
import { exchangeText, NOTHING_OWN, ownStateOf } from "../plan.js";
import type { Family } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";

/**
 * Removes everything of ours from a machine: rules of both families and all variants, chains of other configurations and versions,
 * native tables, policy routing and the `::6` address.
 *
 * `rules` says which mark and routing table the policy routing had.
 *
 * @returns Whether there was anything to remove.
 */
export function* cleanMachine(rules: RuleSet): Procedure<boolean> {
  let changed = false;
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const binary of yield* presentBinaries(family)) {
      if (yield* cleanIptables(binary, family)) changed = true;
    }
  }
  if (yield* cleanNft()) changed = true;
  if (yield* cleanRoutes(rules)) changed = true;
  yield* log("info", changed ? "Removed all rules, routes and addresses." : "Nothing to remove.");
  return changed;
}

/** Both variants, or the one without a suffix where neither is there. */
function* presentBinaries(family: Family): Procedure<readonly string[]> {
  const plain = family === "ipv4" ? "iptables" : "ip6tables";
  const found: string[] = [];
  for (const binary of [`${plain}-legacy`, `${plain}-nft`]) {
    if ((yield* run(saveOf(binary), true)).exitCode === 0) found.push(binary);
  }
  return found.length > 0 ? found : [plain];
}

function saveOf(binary: string): Command {
  return { program: `${binary}-save`, args: [] };
}

function* cleanIptables(binary: string, family: Family): Procedure<boolean> {
  const saved = yield* run(saveOf(binary), true);
  if (saved.exitCode !== 0) return false;
  const text = exchangeText(ownStateOf(parseIptablesSave(saved.stdout, family)), NOTHING_OWN);
  if (text === "") return false;
  const command: Command = { program: `${binary}-restore`, args: ["--noflush"], stdin: text };
  const result = yield* run(command);
  const problem = failure(command, result);
  if (problem !== undefined) {
    throw new IptablesError("ERR_IPTABLES_APPLY", `${command.program}: ${result.stderr.trim() || problem}`);
  }
  yield* dropEmptyTables(binary, family);
  return true;
}

/** The nf_tables variant creates built-in chains when they are first used; empty ones are taken away again. */
function* dropEmptyTables(binary: string, family: Family): Procedure<void> {
  if (!binary.endsWith("-nft")) return;
  const saved = yield* run(saveOf(binary), true);
  if (saved.exitCode !== 0) return;
  const untouched = parseIptablesSave(saved.stdout, family).filter(({ chains }) =>
    chains.every((chain) => chain.rules.length === 0 && chain.policy === "ACCEPT"),
  );
  yield* deleteTables(untouched.map(({ name }) => `${family === "ipv4" ? "ip" : "ip6"} ${name}`));
}

/** All in one transaction: each would make the kernel wait until no packet is on its way through the old rules. */
function* deleteTables(tables: readonly string[]): Procedure<void> {
  if (tables.length === 0) return;
  const stdin = tables.map((table) => `delete table ${table}\n`).join("");
  yield* run({ program: "nft", args: ["-f", "-"], stdin }, true);
}

function* cleanNft(): Procedure<boolean> {
  const listed = yield* run({ program: "nft", args: ["list", "tables"] }, true);
  if (listed.exitCode !== 0) return false;
  const present = NFT_TABLES.filter(({ name }) => listed.stdout.split("\n").includes(`table inet ${name}`));
  yield* deleteTables(present.map(({ name }) => `inet ${name}`));
  return present.length > 0;
}

function* cleanRoutes({ options }: RuleSet): Procedure<boolean> {
  let changed = false;
  const { tproxyMark: mark, tproxyTable: table } = options;
  for (const family of ["-4", "-6"]) {
    // There is one rule for each time the original ran.
    for (let rounds = 0; rounds < 1024; rounds++) {
      const removed = yield* run(
        { program: "ip", args: [family, "rule", "del", "fwmark", mark, "lookup", table] },
        true,
      );
      if (removed.exitCode !== 0) break;
      changed = true;
    }
    const route = [family, "route", "del", "local", "default", "dev", "lo", "table", table];
    if ((yield* run({ program: "ip", args: route }, true)).exitCode === 0) changed = true;
  }
  const address = ["-6", "addr", "del", "::6/128", "dev", "lo"];
  if ((yield* run({ program: "ip", args: address }, true)).exitCode === 0) changed = true;
  return changed;
}
