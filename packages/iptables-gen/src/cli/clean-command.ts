import { readFlags } from "../flags.js";
import { cleanMachine } from "../procedure/clean.js";
import { generate } from "../rule-set.js";
import { compileSettings } from "../settings.js";
import { perform } from "../shell/apply.js";
import { localRunner } from "../shell/run-command.js";
import { EXTRA_FLAGS } from "./extra-flags.js";
import type { Terminal } from "./main.js";

/** `weft-iptables clean [the flags the rules were applied with]`. */
export function clean(terminal: Terminal, argv: readonly string[]): number {
  const { settings } = readFlags(argv, terminal.env, { compat: "fixed", extra: EXTRA_FLAGS });
  const proxyUid = settings.proxyUid === "" ? "1337" : settings.proxyUid;
  const filled = { ...settings, proxyUid, proxyGid: settings.proxyGid === "" ? proxyUid : settings.proxyGid };
  const { options } = compileSettings(filled, "fixed");
  perform(cleanMachine(generate(options)), localRunner, (level, text) => terminal.stdout(`${level}\t${text}\n`));
  return 0;
}
