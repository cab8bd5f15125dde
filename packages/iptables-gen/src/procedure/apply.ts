import { NFT_TABLES } from "../chains.js";
import { IptablesError } from "../errors.js";
import { parseIptablesSave, type SavedTable } from "../parse/iptables-save.js";
import { parseNftJson } from "../parse/nft-json.js";
import { exchangeText, NOTHING_OWN, ownStateOf, plan } from "../plan.js";
import { renderNftables } from "../render/nftables.js";
import type { Family } from "../rule.js";
import { generate, type RuleSet } from "../rule-set.js";
import { compileSettings, type Settings } from "../settings.js";
import { configText } from "../settings-text.js";
import { verifyNative } from "../verify-nft.js";
import { cleanMachine } from "./clean.js";
import { findNft, transact } from "./nft-apply.js";
import { type Command, failure, log, type Procedure, run } from "./procedure.js";
import { ensureRoutes } from "./routes.js";
import { detectVariant, NO_VARIANT, plainVariant, restoreCommand, saveCommand, type Variant } from "./variant.js";

/**
 * Applies rules so that the same call may be made any number of times: rules of other options and versions are exchanged for the
 * wanted ones in one commit a table, what the other back ends still have is removed, routes are added once. A step that fails takes
 * the steps before it back.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_APPLY`.
 */
export function* apply(settings: Settings): Procedure<void> {
  if (settings.skipRuleApply) return;
  const { options, warnings } = compileSettings(settings, "fixed");
  for (const warning of warnings) yield* log("warn", warning);
  yield* log("info", configText(settings));
  const rules = generate(options);
  if (settings.cleanupOnly) {
    yield* cleanMachine(rules, settings.dryRun);
    return;
  }
  if (settings.nativeNftables) yield* applyNative(settings, rules);
  else yield* applyIptables(settings, rules);
  yield* ensureRoutes(settings);
}

function* applyNative(settings: Settings, rules: RuleSet): Procedure<void> {
  const text = renderNftables(rules);
  if (!settings.dryRun) {
    yield* findNft(settings.cniMode);
    if (yield* nativeInPlace(rules)) yield* log("info", "The rules are in place already.");
    else yield* exchangeNative(text);
    yield* removeElsewhere([]);
  } else yield* exchangeNative(text);
}

function* exchangeNative(text: string): Procedure<void> {
  yield* log("info", `Running nft with the following input:\n${text.trim()}`);
  yield* transact(text);
}

/** Exchanging equal rules would set their counters to zero. */
function* nativeInPlace(rules: RuleSet): Procedure<boolean> {
  const listed = yield* run({ program: "nft", args: ["-j", "list", "ruleset"] }, true);
  if (listed.exitCode !== 0) return false;
  try {
    return verifyNative(parseNftJson(listed.stdout), rules).length === 0;
  } catch (error) {
    // An nft without JSON: the exchange does no harm.
    if (!(error instanceof IptablesError)) throw error;
    return false;
  }
}

function* applyIptables(settings: Settings, rules: RuleSet): Procedure<void> {
  const variants = yield* variantsFor(settings);
  const current: Record<Family, readonly SavedTable[]> = { ipv4: [], ipv6: [] };
  for (const family of ["ipv4", "ipv6"] as const) current[family] = yield* readTables(variants[family], family);
  const steps = plan(current, rules);
  const done: Command[] = [];
  for (const { restore, undo, family } of steps) {
    const command = restoreCommand(variants[family], restore);
    yield* log("info", `Running ${command.program} with the following input:\n${restore.trim()}`);
    const result = yield* run(command);
    const problem = failure(command, result);
    if (problem !== undefined) {
      for (const back of done.reverse()) yield* run(back, true);
      throw new IptablesError("ERR_IPTABLES_APPLY", `${command.program}: ${result.stderr.trim() || problem}`);
    }
    done.push(restoreCommand(variants[family], undo));
  }
  if (steps.length === 0) yield* log("info", "The rules are in place already.");
  if (settings.dryRun) return;
  yield* removeElsewhere([variants.ipv4.binary, variants.ipv6.binary]);
  yield* removeNative();
}

function* variantsFor(settings: Settings): Procedure<Readonly<Record<Family, Variant>>> {
  if (settings.dryRun) return { ipv4: plainVariant("ipv4"), ipv6: plainVariant("ipv6") };
  const pod = settings.cniMode ? { podNamespace: settings.networkNamespace } : {};
  const ipv4 = yield* detectVariant("ipv4", settings.forceIptablesBinary, "fixed");
  try {
    const ipv6 = yield* detectVariant("ipv6", settings.forceIptablesBinary, "fixed");
    return { ipv4: { ...ipv4, ...pod }, ipv6: { ...ipv6, ...pod } };
  } catch (error) {
    if (settings.ipv6 || !(error instanceof IptablesError)) throw error;
    yield* log("warn", `IPv6 is off, going on without ip6tables: ${error.message}`);
    return { ipv4: { ...ipv4, ...pod }, ipv6: NO_VARIANT };
  }
}

function* readTables(variant: Variant, family: Family): Procedure<readonly SavedTable[]> {
  if (variant.binary === "") return [];
  const command = saveCommand(variant);
  const result = yield* run(command, true);
  const problem = failure(command, result);
  if (problem === undefined) return parseIptablesSave(result.stdout, family);
  throw new IptablesError("ERR_IPTABLES_APPLY", `${command.program}: ${result.stderr.trim() || problem}`);
}

/** Rules in the variant that is not used would rewrite the same packets once more. */
function* removeElsewhere(used: readonly string[]): Procedure<void> {
  for (const family of ["ipv4", "ipv6"] as const) {
    const plain = family === "ipv4" ? "iptables" : "ip6tables";
    for (const binary of [`${plain}-legacy`, `${plain}-nft`]) {
      // A plain name is one of the two under another name.
      if (used.includes(binary) || used.includes(plain)) continue;
      const saved = yield* run({ program: `${binary}-save`, args: [] }, true);
      if (saved.exitCode !== 0) continue;
      const text = exchangeText(ownStateOf(parseIptablesSave(saved.stdout, family)), NOTHING_OWN);
      if (text === "") continue;
      yield* log("warn", `Removing rules of ours from ${binary}, which is not the back end in use.`);
      yield* run({ program: `${binary}-restore`, args: ["--noflush"], stdin: text });
    }
  }
}

function* removeNative(): Procedure<void> {
  const listed = yield* run({ program: "nft", args: ["list", "tables"] }, true);
  if (listed.exitCode !== 0) return;
  for (const { name } of NFT_TABLES) {
    if (!listed.stdout.split("\n").includes(`table inet ${name}`)) continue;
    yield* log("warn", `Removing the native table ${name}: iptables is the back end in use.`);
    yield* run({ program: "nft", args: ["delete", "table", "inet", name] });
  }
}
