import { IptablesError } from "../errors.js";
import { applyFlags } from "../shell/istio-iptables.js";
import { readInput, refuseWords, settingsOf } from "./input.js";
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
  const format = input.text("output");
  if (format !== undefined) return (await import("./output-command.js")).printRules(terminal, input, format);
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
  await applyFlags(
    flags,
    {
      host: input.host,
      runner,
      log: (level, text) => terminal.stdout(json ? `${JSON.stringify({ level, text })}\n` : `${level}\t${text}\n`),
      validate: async (settings) => {
        const { probe } = await import("../shell/probe.js");
        await probe(settings, (level, text) => terminal.stdout(`${level}\t${text}\n`));
      },
      async transcript(lines, file) {
        // The original makes the file when it writes its first line.
        if (file === "" || lines.length === 0) return;
        const { writeFileSync } = await import("node:fs");
        try {
          writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
        } catch (error) {
          throw new IptablesError("ERR_IPTABLES_APPLY", `unable to open dry run output file ${file}`, { cause: error });
        }
      },
    },
    compat,
  );
  return 0;
}
