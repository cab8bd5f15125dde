import { readFlags } from "../flags.js";
import type { Compat } from "../options.js";
import { hostFacts } from "../shell/host-facts.js";
import { applyFlags } from "../shell/istio-iptables.js";
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
  for (const line of flags.advice) terminal.stderr(`${terminal.name}: ${line}\n`);
  await applyFlags(
    flags,
    {
      host: hostFacts(),
      runner: async () => (await import("../shell/run-command.js")).localRunner,
      log: (level, text) => terminal.stdout(`${level}\t${text}\n`),
      async transcript(lines, file) {
        if (file === "") return;
        const { writeFileSync } = await import("node:fs");
        writeFileSync(file, `${lines.join("\n")}\n`);
      },
    },
    compat,
  );
  return 0;
}
