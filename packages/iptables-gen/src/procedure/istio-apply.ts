import { IptablesError } from "../errors.js";
import { type Arguments, GUARDRAILS, removal, renderChecks, renderCleanup } from "../render/commands.js";
import { renderRestore } from "../render/iptables-restore.js";
import { iptablesWords } from "../render/iptables-words.js";
import type { Family } from "../rule.js";
import { familyRules, generate, type RuleSet } from "../rule-set.js";
import { compileSettings, type Settings } from "../settings.js";
import { configText } from "../settings-text.js";
import { type Command, type CommandResult, failure, log, type Procedure, run } from "./procedure.js";
import { configureRoutes } from "./routes.js";
import { isEmptyState, readSavedState, statesDiffer } from "./saved-state.js";
import {
  detectVariant,
  NO_VARIANT,
  plainVariant,
  restoreCommand,
  ruleCommand,
  saveCommand,
  type Variant,
} from "./variant.js";

type Variants = Readonly<Record<Family, Variant>>;

/**
 * What istio-iptables does with iptables, command by command: detect, verify, reconcile, restore, routes.
 *
 * Its defects are its own: half a guardrail stays when the other half fails, chains it does not know keep it reconciling.
 *
 * @throws {@link IptablesError} with the original's message.
 */
export function* applyWithIptables(settings: Settings): Procedure<void> {
  if (settings.dryRun) yield* log("info", "running iptables in dry-run mode, no rule changes will be made");
  if (settings.skipRuleApply) return;
  const variants = yield* chooseVariants(settings);
  try {
    const { options, warnings } = compileSettings(settings, "strict");
    for (const warning of warnings) yield* log("warn", warning);
    yield* log("info", configText(settings));
    yield* applyRules(settings, generate(options), variants);
  } finally {
    yield* logFinalState(settings, variants);
  }
  yield* configureRoutes(settings);
}

function* chooseVariants(settings: Settings): Procedure<Variants> {
  if (settings.dryRun) return { ipv4: plainVariant("ipv4"), ipv6: plainVariant("ipv6") };
  const pod = settings.cniMode ? { podNamespace: settings.networkNamespace } : {};
  const ipv4 = { ...(yield* detectVariant("ipv4", settings.forceIptablesBinary, "strict")), ...pod };
  try {
    return { ipv4, ipv6: { ...(yield* detectVariant("ipv6", settings.forceIptablesBinary, "strict")), ...pod } };
  } catch (error) {
    if (settings.ipv6 || !(error instanceof IptablesError)) throw error;
    const why = "continuing because IPv6 support is disabled (ENABLE_INBOUND_IPV6=false)";
    yield* log("warn", `Failed to detect a working ip6tables binary; ${why}: ${error.message}`);
    return { ipv4, ipv6: NO_VARIANT };
  }
}

function* logFinalState(settings: Settings, variants: Variants): Procedure<void> {
  for (const family of families(settings)) {
    const result = yield* save(variants[family]);
    if (typeof result !== "string") continue;
    yield* log("info", `Final iptables state (${family === "ipv4" ? "IPv4" : "IPv6"}):\n${result}`);
  }
}

function families(settings: Settings): readonly Family[] {
  return settings.ipv6 ? ["ipv4", "ipv6"] : ["ipv4"];
}

function* applyRules(settings: Settings, rules: RuleSet, variants: Variants): Procedure<void> {
  let guarded = false;
  try {
    const { residue, delta } = yield* verify(rules, variants);
    if (residue && delta && !settings.reconcile) {
      const why = "Unexpected behavior may occur due to preexisting iptables rules";
      yield* log("info", `reconcile is recommended but no-reconcile flag is set. ${why}`);
    }
    if ((residue && delta && settings.reconcile) || settings.cleanupOnly) {
      if (!settings.cleanupOnly) {
        yield* log("info", "Setting up guardrails");
        for (const family of families(settings)) {
          yield* tryAll(variants[family], GUARDRAILS.map(removal));
          yield* runAll(
            variants[family],
            GUARDRAILS.map((rule) => ["-t", rule.table, ...iptablesWords(rule)]),
          );
          guarded = true;
        }
      }
      yield* log("info", "Performing cleanup of existing iptables");
      for (const family of families(settings)) {
        yield* tryAll(variants[family], renderCleanup(familyRules(rules, family)));
      }
    }
    if ((delta || settings.forceApply) && !settings.cleanupOnly) {
      yield* log("info", "Applying iptables chains and rules");
      for (const family of families(settings)) yield* restore(variants[family], renderRestore(rules, family));
    }
    if (!delta && settings.forceApply) {
      yield* log(
        "warn",
        "The forced apply of iptables changes succeeded despite the presence of conflicting rules or chains. " +
          "If you encounter this message, please consider reporting it as an issue.",
      );
    }
  } finally {
    if (guarded) yield* removeGuardrails(settings, variants);
  }
}

function* removeGuardrails(settings: Settings, variants: Variants): Procedure<void> {
  yield* log("info", "Removing guardrails");
  for (const family of families(settings)) {
    try {
      yield* runAll(variants[family], GUARDRAILS.map(removal));
    } catch (error) {
      if (!(error instanceof IptablesError)) throw error;
    }
  }
}

function* restore(variant: Variant, text: string): Procedure<void> {
  const command = restoreCommand(variant, text);
  yield* log("info", `Running iptables restore with: ${command.program} and the following input:\n${text.trim()}`);
  yield* must(command);
}

/** Whether rules are there already (`residue`), and whether they are other than the ones wanted (`delta`). */
export function* verify(
  rules: RuleSet,
  variants: Variants,
): Procedure<{ readonly residue: boolean; readonly delta: boolean }> {
  let residue = false;
  let delta = false;
  for (const family of ["ipv4", "ipv6"] as const) {
    const name = family === "ipv4" ? "IPv4" : "IPv6";
    const expected = readSavedState(renderRestore(rules, family));
    const planned = !isEmptyState(expected);
    const saved = yield* save(variants[family]);
    const text = typeof saved === "string" ? saved : "";
    if (typeof saved !== "string") {
      // The original passes an argument its format does not mention, and Go says so.
      const extra = `%!(EXTRA *errors.${saved.type}=${saved.message})`;
      yield* log("warn", `[${name}] iptables-save failed. Assuming clean state.${extra}`);
    }
    const current = readSavedState(text);
    const present = !isEmptyState(current);
    if (!present) delta ||= planned;
    else {
      const checks = renderChecks(familyRules(rules, family));
      const differs = statesDiffer(current, expected) || !(yield* allPass(variants[family], checks));
      delta ||= differs;
      if (planned) residue = true;
      else yield* log("info", `Ignoring residues because no rules are planned for ${name}`);
    }
  }
  if (!residue) {
    yield* log("info", "Clean-state detected, new iptables are needed");
    return { residue: false, delta: true };
  }
  yield* log(
    "info",
    delta
      ? "Found residues of old iptables rules/chains, reconciliation is recommended"
      : "Found compatible residues of old iptables rules/chains, reconciliation not needed",
  );
  return { residue, delta };
}

function* allPass(variant: Variant, checks: readonly Arguments[]): Procedure<boolean> {
  for (const args of checks) {
    const command = ruleCommand(variant, args);
    if (failure(command, yield* run(command, true)) !== undefined) return false;
  }
  return true;
}

interface SaveFailure {
  readonly type: "errorString" | "joinError";
  readonly message: string;
}

/** The text of a save, or why there is none, with the Go type of the error. */
function* save(variant: Variant): Procedure<string | SaveFailure> {
  if (variant.binary === "") {
    const nothing =
      "&{DetectedBinary: DetectedSaveBinary: DetectedRestoreBinary: Version:<nil> Legacy:false ExistingRules:false}";
    return { type: "errorString", message: `called without iptables binary, cannot execute!: ${nothing}` };
  }
  const command = saveCommand(variant);
  const result = yield* run(command, true);
  const problem = failure(command, result);
  return problem === undefined ? result.stdout : { type: "joinError", message: `${problem}\n${result.stderr}` };
}

function* tryAll(variant: Variant, calls: readonly Arguments[]): Procedure<void> {
  for (const args of calls) yield* run(ruleCommand(variant, args), true);
}

function* runAll(variant: Variant, calls: readonly Arguments[]): Procedure<void> {
  for (const args of calls) yield* must(ruleCommand(variant, args));
}

function* must(command: Command): Procedure<void> {
  const result = yield* run(command);
  const problem = failure(command, result);
  if (problem === undefined) return;
  yield* log("error", `Command error: ${xtablesMessage(problem, result)}`);
  throw new IptablesError("ERR_IPTABLES_APPLY", `${problem}\n${result.stderr}`);
}

const XTABLES_PROBLEMS = ["other", "parameter", "version", "resource"];

/** Exit codes 1 to 4 have names; the program's own name is cut off the message. */
function xtablesMessage(problem: string, { exitCode, stderr, missing }: CommandResult): string {
  if (missing === true) return problem;
  const kind = XTABLES_PROBLEMS[exitCode - 1];
  if (kind === undefined) return stderr;
  const colon = stderr.indexOf(":");
  return `xtables ${kind} problem: ${(colon < 0 ? stderr : stderr.slice(colon + 1)).trim()}`;
}
