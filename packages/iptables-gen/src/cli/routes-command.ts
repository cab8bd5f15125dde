import { configureRoutes, ensureRoutes } from "../procedure/routes.js";
import { runnerFor } from "../shell/machine-rules.js";
import { perform, readingRunner } from "../shell/perform.js";
import { readInput, refuseWords, settingsOf } from "./input.js";
import type { Terminal } from "./main.js";

/**
 * `weft-iptables configure-routes [flags]`: only the address and the policy routing the rules count on, as the command of istio
 * 1.12-1.19. In `fixed` each is added once.
 */
export async function configureRoutesOnly(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { original: true });
  refuseWords(input);
  const settings = settingsOf(input);
  const fixed = input.compat === "fixed";
  const { dryRun, networkNamespace, cniMode } = settings;
  const machine = runnerFor(fixed && !cniMode ? networkNamespace : "");
  const recorder = dryRun ? readingRunner(machine) : undefined;
  perform(fixed ? ensureRoutes(settings) : configureRoutes(settings), recorder ?? machine, (level, text) =>
    terminal.stdout(`${level}\t${text}\n`),
  );
  for (const line of recorder?.lines ?? []) terminal.stdout(`${line}\n`);
  return 0;
}
