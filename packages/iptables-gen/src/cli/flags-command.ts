import { IptablesError } from "../errors.js";
import { applyFlags } from "../shell/istio-iptables.js";
import type { LogSink } from "../shell/perform.js";
import { type Input, readInput, refuseWords, settingsOf } from "./input.js";
import type { Terminal } from "./main.js";

/** What istio-iptables does: read flags, look at the host, apply, check. With `--output`, print instead. */
export async function runFlags(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { original: true });
  const { flags, compat } = input;
  if (flags.help) {
    terminal.stdout((await import("./help.js")).helpText(terminal.name));
    return 0;
  }
  if (input.has("version")) {
    terminal.stdout((await import("./version.js")).versionText());
    return 0;
  }
  // The original ignores them, and so does its alias.
  if (terminal.name !== "istio-iptables") refuseWords(input);
  await writeRules(terminal, input);
  const format = formatOf(input);
  if (format !== undefined) return (await import("./output-command.js")).printRules(terminal, input, format);
  if (hasDiscreteFormat(input)) {
    terminal.stderr(
      `${terminal.name}: --restore-format=false: the rules are applied in one commit a table all the same.\n`,
    );
  }
  if (input.has("strict-input")) {
    const { compileSettings } = await import("../settings.js");
    const { refuseInvalid } = await import("../check-options.js");
    refuseInvalid(compileSettings(settingsOf(input), compat).options);
  }
  const json = input.has("json");
  const runner = async () => {
    const { localRunner, namespaceRunner } = await import("../shell/run-command.js");
    // The original's flag only names the lock file; nobody who gives a namespace wants the rules elsewhere.
    const path = compat === "fixed" && !flags.settings.cniMode ? flags.settings.networkNamespace : "";
    return path === "" ? localRunner : namespaceRunner(path);
  };
  const log: LogSink = (level, text) =>
    terminal.stdout(json ? `${JSON.stringify({ level, text })}\n` : `${level}\t${text}\n`);
  await applyFlags(
    flags,
    {
      host: input.host,
      runner,
      log,
      validate: async (settings) => {
        const { probe } = await import("../shell/probe.js");
        await probe(settings, log);
      },
      async transcript(lines, file) {
        // The original makes the file when it writes its first line.
        if (file === "" || lines.length === 0) return;
        await writeText(file, lines.map((line) => `${line}\n`).join(""), "dry run output file");
      },
    },
    compat,
  );
  return 0;
}

/** Istio 1.5-1.23 with `--restore-format=false` ran one command a rule. */
function hasDiscreteFormat({ flags }: Input): boolean {
  return flags.extra.get("restore-format") === false;
}

function formatOf(input: Input): string | undefined {
  const format = input.text("output");
  if (!hasDiscreteFormat(input)) return format;
  return format === "restore" || (format === undefined && input.flags.settings.dryRun) ? "commands" : format;
}

/** Istio 1.11-1.17 with `--output-paths` wrote the rules it applied to a file as well. */
async function writeRules(terminal: Terminal, input: Input): Promise<void> {
  const { cleanupOnly, skipRuleApply, nativeNftables } = input.flags.settings;
  const path = input.text("output-paths") ?? "";
  if (path === "" || cleanupOnly || skipRuleApply) return;
  // What the options bring about is said by whoever prints or applies them.
  const rules = (await import("./wanted-rules.js")).rulesOf(input, { ...terminal, stderr: () => {} });
  const { renderNftables } = await import("../render/nftables.js");
  const { renderRestore } = await import("../render/iptables-restore.js");
  const text = nativeNftables ? renderNftables(rules) : renderRestore(rules, "ipv4") + renderRestore(rules, "ipv6");
  await writeText(path, text, "rules file");
}

async function writeText(path: string, text: string, what: string): Promise<void> {
  const { writeFileSync } = await import("node:fs");
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new IptablesError("ERR_IPTABLES_APPLY", `unable to open ${what} ${path}`, { cause: error });
  }
}
