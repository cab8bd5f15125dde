import { readFlags } from "../flags.js";
import { fillFromHost } from "../host.js";
import type { Compat } from "../options.js";
import type { LogLevel } from "../procedure/procedure.js";
import { validateSettings } from "../settings.js";
import { applySettings, recordingRunner } from "../shell/apply.js";
import { hostFacts } from "../shell/host-facts.js";
import { EXTRA_FLAGS } from "./extra-flags.js";
import type { Terminal } from "./main.js";

/** What istio-iptables does: read flags, look at the host, apply, check. */
export async function runFlags(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const compat: Compat = argv.includes("--compat=fixed") ? "fixed" : "strict";
  const flags = readFlags(argv, terminal.env, { compat, extra: EXTRA_FLAGS });
  if (flags.help) {
    terminal.stdout((await import("./help.js")).helpText(terminal.name));
    return 0;
  }
  const log = (level: LogLevel, text: string): void => terminal.stdout(`${level}\t${text}\n`);
  for (const warning of flags.warnings) log("warn", warning);
  const settings = fillFromHost(flags.settings, flags.envoyUser, hostFacts());
  validateSettings(settings);
  if (settings.dryRun && !settings.nativeNftables) {
    const recorder = recordingRunner();
    applySettings(settings, compat, log, recorder);
    if (flags.dryRunFile !== "") {
      const { writeFileSync } = await import("node:fs");
      // The original opens the file without truncating it; nobody can want the rest of an older transcript.
      writeFileSync(flags.dryRunFile, `${recorder.lines.join("\n")}\n`);
    }
    return 0;
  }
  const { localRunner } = await import("../shell/run-command.js");
  applySettings(settings, compat, log, localRunner);
  return 0;
}
