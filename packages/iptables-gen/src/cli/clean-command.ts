import { cleanMachine } from "../procedure/clean.js";
import { generate } from "../rule-set.js";
import { compileSettings } from "../settings.js";
import { runnerFor } from "../shell/machine-rules.js";
import { perform, readingRunner } from "../shell/perform.js";
import { readInput, refuseWords } from "./input.js";
import type { Terminal } from "./main.js";

/**
 * `weft-iptables clean [flags]`: removes everything of ours. Flags say which mark and routing table TPROXY had. With `--dry-run` it
 * prints what it would run.
 */
export async function clean(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { fallback: "fixed" });
  refuseWords(input);
  const { settings } = input.flags;
  const json = input.has("json");
  const machine = runnerFor(settings.networkNamespace);
  const recorder = settings.dryRun ? readingRunner(machine) : undefined;
  const rules = generate(compileSettings(settings, "fixed").options);
  const changed = perform(cleanMachine(rules, settings.dryRun), recorder ?? machine, (level, text) => {
    if (!json) terminal.stdout(`${level}\t${text}\n`);
  });
  const commands = recorder?.lines ?? [];
  if (json) terminal.stdout(`${JSON.stringify(settings.dryRun ? { changed: false, commands } : { changed })}\n`);
  else for (const line of commands) terminal.stdout(`${line}\n`);
  return 0;
}
