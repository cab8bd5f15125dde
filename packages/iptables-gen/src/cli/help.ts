import { FLAGS, VARIABLES } from "../flag-table.js";
import { DEFAULT_SETTINGS } from "../settings.js";
import { EXTRA_FLAGS } from "./extra-flags.js";
import type { Terminal } from "./main.js";

const USAGE = (
  name: string,
): string => `Captures the traffic of a pod or machine for a proxy, with the flags of istio-iptables.

usage: ${name} [flags]                       apply rules, or print them with --output
       weft-iptables explain --to ADDRESS:PORT [--uid N | --in IFACE] [--rules FILE | --live] [flags]
       weft-iptables lint [--app-uid N] [--all] [flags]  say what the options do that nobody expects
       weft-iptables verify [--rules FILE] [flags]   compare a machine with the wanted rules
       weft-iptables diff [flags] --- [flags]    packets that two configurations treat differently
       weft-iptables doctor [flags]              what this kernel lacks for the rules, which back ends hold rules
       weft-iptables report                      how often each rule was met
       weft-iptables clean [flags]               remove rules, routes and addresses
       weft-iptables configure-routes [flags]    only the address and routes the rules count on (istio 1.12-1.19)
       weft-iptables istio-clean-iptables [flags]  the same as --cleanup-only (istio 1.4-1.24)

examples:
  weft-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i '*' -x '' -b '*' -d 15090,15021
  weft-iptables -b '*' -i '*' --host-ip 10.0.0.5 --output script > capture.sh
  weft-iptables explain -b '*' -i '*' --host-ip 10.0.0.5 --uid 1000 --to 10.0.0.9:443

exit: 0 done; 1 failed, or differences found; 2 wrong command word; 126 validation failed; 255 wrong flag
`;

/** The text of `--help`: flags by purpose, each with its variables and default. */
export function helpText(name: string): string {
  let text = USAGE(name);
  for (const group of new Set(FLAGS.map((flag) => flag.group))) {
    text += `\n${group}:\n`;
    for (const flag of FLAGS.filter((one) => one.group === group)) {
      const short = flag.short === undefined ? "    " : `-${flag.short}, `;
      const env = flag.env.length === 0 ? "" : ` [${flag.env.join(", ")}]`;
      const value = DEFAULT_SETTINGS[flag.field];
      const fallback =
        typeof value === "boolean" || value === "" ? "" : ` Default ${value}${flag.type === "duration" ? " ms" : ""}.`;
      text += `  ${short}--${flag.long}${env}\n        ${flag.help}${fallback}\n`;
    }
  }
  text += "\nOnly in weft-iptables:\n";
  for (const { long, help } of EXTRA_FLAGS) text += `      --${long}\n        ${help}\n`;
  text += "\nVariables without a flag:\n";
  for (const { name: variable, help, default: value } of VARIABLES) {
    text += `      ${variable}\n        ${help}${value === "" ? "" : ` Default ${value}.`}\n`;
  }
  return text;
}

/** `weft-iptables help`. */
export function printHelp(terminal: Terminal): number {
  terminal.stdout(helpText(terminal.name));
  return 0;
}
