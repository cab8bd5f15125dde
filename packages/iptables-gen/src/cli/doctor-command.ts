import { requirementsOf } from "../doctor.js";
import { localRunner } from "../shell/run-command.js";
import { readInput, rulesOf } from "./input.js";
import type { Terminal } from "./main.js";

/**
 * `weft-iptables doctor [flags]`: tries everything the rules need in a network namespace that exists only for the trial. Exit 1 when
 * something is missing in every variant that is installed.
 */
export async function doctor(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv);
  const results: { variant: string; feature: string; module: string; ok: boolean; message: string }[] = [];
  for (const suffix of ["-nft", "-legacy"]) {
    for (const { feature, module, trial, family } of requirementsOf(rulesOf(input, terminal))) {
      const program = `${family === "ipv4" ? "iptables" : "ip6tables"}${suffix}-restore`;
      const args = ["--net", "--", program, "--noflush"];
      const tried = localRunner.run({ program: "unshare", args, stdin: trial });
      results.push({ variant: program, feature, module, ok: tried.exitCode === 0, message: tried.stderr.trim() });
    }
  }
  if (input.has("json")) terminal.stdout(`${JSON.stringify(results, null, 2)}\n`);
  else {
    for (const { variant, feature, module, ok, message } of results) {
      const [reason = ""] = message.split("\n");
      terminal.stdout(
        `${ok ? "ok     " : "MISSING"} ${variant} ${feature}${ok ? "" : ` (module ${module}): ${reason}`}\n`,
      );
    }
  }
  const usable = ["-nft", "-legacy"].some((suffix) =>
    results.filter(({ variant }) => variant.includes(suffix)).every(({ ok }) => ok),
  );
  return usable ? 0 : 1;
}
