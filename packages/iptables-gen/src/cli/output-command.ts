import { IptablesError } from "../errors.js";
import { renderCommands } from "../render/commands.js";
import { renderRestore } from "../render/iptables-restore.js";
import { renderSave } from "../render/iptables-save.js";
import { renderNftables } from "../render/nftables.js";
import { renderScript } from "../render/script.js";
import { familyRules, generate, type RuleSet } from "../rule-set.js";
import type { Input } from "./input.js";
import type { Terminal } from "./main.js";
import { rulesOf } from "./wanted-rules.js";

type Format = (rules: RuleSet, native: boolean) => string;

const FORMATS: Readonly<Record<string, Format>> = {
  restore: (rules) => renderRestore(rules, "ipv4"),
  restore6: (rules) => renderRestore(rules, "ipv6"),
  commands: (rules) =>
    (["ipv4", "ipv6"] as const)
      .flatMap((family) => {
        const program = family === "ipv4" ? "iptables" : "ip6tables";
        return renderCommands(familyRules(rules, family)).map((args) => `${program} ${args.join(" ")}\n`);
      })
      .join(""),
  save: (rules) => renderSave(rules, "ipv4") + renderSave(rules, "ipv6"),
  // A script is for people who have not chosen the defects: it is generated in `fixed` unless they say otherwise.
  script: (rules, native) => renderScript(rules, { native }),
  nft: (rules) => renderNftables(rules),
  json: (rules) => `${JSON.stringify(rules, null, 2)}\n`,
};

/** Prints the rules in a format, changes nothing. */
export function printRules(terminal: Terminal, input: Input, format: string): number {
  const render = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  if (render === undefined) {
    const message = `--output: expected one of ${Object.keys(FORMATS).join(", ")}, got ${JSON.stringify(format)}`;
    throw new IptablesError("ERR_IPTABLES_VALUE", message, { path: "--output", exitCode: 2 });
  }
  const rules = rulesOf(input, terminal);
  const chosen = input.text("compat") !== undefined || format !== "script";
  const wanted = chosen ? rules : generate({ ...rules.options, compat: "fixed" });
  terminal.stdout(render(wanted, input.flags.settings.nativeNftables));
  return 0;
}
