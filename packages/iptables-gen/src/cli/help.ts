import { FLAGS } from "../flag-table.js";

/** The text of `--help`: flags by purpose, each with its variables. */
export function helpText(name: string): string {
  const groups = [...new Set(FLAGS.map((flag) => flag.group))];
  let text = `Captures the traffic of a pod or machine for a proxy, with the flags of istio-iptables.\n\nusage: ${name} [flags]\n`;
  for (const group of groups) {
    text += `\n${group}:\n`;
    for (const flag of FLAGS.filter((one) => one.group === group)) {
      const short = flag.short === undefined ? "    " : `-${flag.short}, `;
      const env = flag.env.length === 0 ? "" : ` [${flag.env.join(", ")}]`;
      text += `  ${short}--${flag.long}${env}\n        ${flag.help}\n`;
    }
  }
  return text;
}
