import { NFT_TABLES } from "../chains.js";
import { IptablesError } from "../errors.js";
import { parseIptablesSave } from "../parse/iptables-save.js";
import { exchangeText, NOTHING_OWN, ownStateOf } from "../plan.js";
import type { Family } from "../rule.js";
import type { RuleSet } from "../rule-set.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";
import { readPolicyRoute, removeRoutes } from "./routes.js";

/**
 * Removes everything of ours from a machine: rules of both families and all variants, chains of other configurations and versions,
 * native tables, policy routing and the `::6` address.
 *
 * `rules` says which mark and routing table the policy routing had. In a dry run, whose runner only reads, the last message says so.
 *
 * @returns Whether there was anything to remove.
 * @throws {@link IptablesError} `ERR_IPTABLES_NO_BACKEND` where no program can say what rules there are, `ERR_IPTABLES_APPLY` where one
 * cannot be removed.
 */
export function* cleanMachine(rules: RuleSet, dryRun = false): Procedure<boolean> {
  const { tproxyMark: mark, tproxyTable: table } = rules.options;
  const route = readPolicyRoute(mark, table);
  const binaries = yield* readableBinaries();
  let changed = false;
  for (const { binary, family } of binaries) {
    if (yield* cleanIptables(binary, family)) changed = true;
  }
  if (yield* cleanNft()) changed = true;
  if (yield* removeRoutes(route)) changed = true;
  const done = dryRun ? "Would remove rules, routes or addresses." : "Removed all rules, routes and addresses.";
  yield* log("info", changed ? done : "Nothing to remove.");
  return changed;
}

interface Binary {
  readonly binary: string;
  readonly family: Family;
}

/** Both variants of both families, or the one without a suffix where neither is there. Without nft, there must be one. */
function* readableBinaries(): Procedure<readonly Binary[]> {
  const found: Binary[] = [];
  let problem = "";
  for (const family of ["ipv4", "ipv6"] as const) {
    const plain = family === "ipv4" ? "iptables" : "ip6tables";
    for (const binary of [`${plain}-legacy`, `${plain}-nft`, plain]) {
      if (binary === plain && found.some((one) => one.family === family)) continue;
      const result = yield* run(saveOf(binary), true);
      const failed = failure(saveOf(binary), result);
      if (failed === undefined) found.push({ binary, family });
      else problem = result.stderr.trim() || failed;
      // The legacy variant shows anybody an empty machine.
      if (REFUSED.test(result.stderr)) throw unreadable(problem);
    }
  }
  if (found.length > 0 || (yield* run(LIST_TABLES, true)).exitCode === 0) return found;
  throw unreadable(problem);
}

const REFUSED = /permission denied|not permitted/i;

function unreadable(problem: string): IptablesError {
  return new IptablesError("ERR_IPTABLES_NO_BACKEND", `no rules can be read, so none can be removed: ${problem}`);
}

const LIST_TABLES: Command = { program: "nft", args: ["list", "tables"] };

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
  const listed = yield* run(LIST_TABLES, true);
  if (listed.exitCode !== 0) return false;
  const present = NFT_TABLES.filter(({ name }) => listed.stdout.split("\n").includes(`table inet ${name}`));
  yield* deleteTables(present.map(({ name }) => `inet ${name}`));
  return present.length > 0;
}
