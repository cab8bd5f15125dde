import { cleanMachine } from "../procedure/clean.js";
import { generate } from "../rule-set.js";
import { compileSettings } from "../settings.js";
import { perform } from "../shell/perform.js";
import { localRunner, namespaceRunner } from "../shell/run-command.js";
import { readInput } from "./input.js";
import type { Terminal } from "./main.js";

/** `weft-iptables clean`: removes everything of ours. Flags say which mark and routing table TPROXY had. */
export async function clean(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const { flags, has } = await readInput(terminal, argv, { fallback: "fixed" });
  const { options } = compileSettings(flags.settings, "fixed");
  const { networkNamespace } = flags.settings;
  const runner = networkNamespace === "" ? localRunner : namespaceRunner(networkNamespace);
  const changed = perform(cleanMachine(generate(options)), runner, (level, text) => {
    if (!has("json")) terminal.stdout(`${level}\t${text}\n`);
  });
  if (has("json")) terminal.stdout(`${JSON.stringify({ changed })}\n`);
  return 0;
}
