import { CHAIN_PREFIX, isBuiltIn, NFT_TABLES } from "../chains.js";
import { parseIptablesSave, type SavedTable } from "../parse/iptables-save.js";
import { renderCleanup } from "../render/commands.js";
import type { Family } from "../rule.js";
import { familyRules, type RuleSet } from "../rule-set.js";
import { type Command, log, type Procedure, run } from "./procedure.js";

/**
 * Removes everything of ours from a machine: rules of both families and all variants, chains of other configurations and versions,
 * native tables, policy routing and the `::6` address.
 *
 * Rules in built-in chains that do not name a chain of ours (excluded and virtual interfaces, marks) are found by `rules`: give the
 * options they were applied with.
 *
 * @returns Whether there was anything to remove.
 */
export function* cleanMachine(rules: RuleSet): Procedure<boolean> {
  let changed = false;
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const binary of yield* presentBinaries(family)) {
      if (yield* cleanIptables(binary, family, rules)) changed = true;
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

function* cleanIptables(binary: string, family: Family, rules: RuleSet): Procedure<boolean> {
  const saved = yield* run(saveOf(binary), true);
  if (saved.exitCode !== 0) return false;
  const tables = parseIptablesSave(saved.stdout, family);
  const calls = [...removeJumps(tables), ...removePlanned(tables, rules, family), ...removeChains(tables)];
  for (const args of calls) yield* run({ program: binary, args: [...args, "--wait=30"] }, true);
  if (calls.length > 0) yield* dropEmptyTables(binary, family);
  return calls.length > 0;
}

function removeJumps(tables: readonly SavedTable[]): string[][] {
  return tables.flatMap(({ name, chains }) =>
    chains.flatMap((chain) =>
      chain.rules
        .filter(
          ({ target }) => isBuiltIn(chain.name) && target.kind === "jump" && target.chain.startsWith(CHAIN_PREFIX),
        )
        .map(({ words }) => ["-t", name, "-D", chain.name, ...words]),
    ),
  );
}

/** Our rules in built-in chains that are no jumps. Only in tables that have chains of ours: elsewhere they are somebody else's. */
function removePlanned(tables: readonly SavedTable[], rules: RuleSet, family: Family): string[][] {
  const ours = new Set(
    tables.filter(({ chains }) => chains.some((chain) => chain.name.startsWith(CHAIN_PREFIX))).map(({ name }) => name),
  );
  const planned = familyRules({ ...rules, options: { ...rules.options, ipv6: true } }, family).filter(
    ({ table, target }) => ours.has(table) && target.kind !== "jump",
  );
  return renderCleanup(planned)
    .filter((args) => args[2] === "-D")
    .map((args) => [...args]);
}

function removeChains(tables: readonly SavedTable[]): string[][] {
  const chains = tables.flatMap(({ name: table, chains: all }) =>
    all.filter(({ name }) => name.startsWith(CHAIN_PREFIX)).map(({ name }) => ({ table, name })),
  );
  // All are emptied before one is deleted: they jump to one another.
  return [
    ...chains.map(({ table, name }) => ["-t", table, "-F", name]),
    ...chains.map(({ table, name }) => ["-t", table, "-X", name]),
  ];
}

/** The nf_tables variant creates built-in chains when they are first used; empty ones are taken away again. */
function* dropEmptyTables(binary: string, family: Family): Procedure<void> {
  if (!binary.endsWith("-nft")) return;
  const saved = yield* run(saveOf(binary), true);
  if (saved.exitCode !== 0) return;
  for (const { name, chains } of parseIptablesSave(saved.stdout, family)) {
    const untouched = chains.every((chain) => chain.rules.length === 0 && chain.policy === "ACCEPT");
    if (!untouched) continue;
    const table = `${family === "ipv4" ? "ip" : "ip6"} ${name}`;
    yield* run({ program: "nft", args: ["delete", "table", ...table.split(" ")] }, true);
  }
}

function* cleanNft(): Procedure<boolean> {
  const listed = yield* run({ program: "nft", args: ["list", "tables"] }, true);
  if (listed.exitCode !== 0) return false;
  const present = NFT_TABLES.filter(({ name }) => listed.stdout.split("\n").includes(`table inet ${name}`));
  for (const { name } of present) yield* run({ program: "nft", args: ["delete", "table", "inet", name] });
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
