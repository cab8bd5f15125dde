import { diffVerdicts } from "../diff.js";
import { IptablesError } from "../errors.js";
import { lint as lintOptions } from "../lint.js";
import { lintSettings } from "../lint-settings.js";
import type { FlagSyntax } from "../pflag.js";
import { readMachineRules, readNativeRules, runnerFor } from "../shell/machine-rules.js";
import { readNativeFile, readRuleFile } from "../shell/rule-file.js";
import { verifyRules } from "../verify.js";
import { verifyNative } from "../verify-nft.js";
import { endpointText } from "../walk/packet.js";
import { type Input, readInput, refuseWords } from "./input.js";
import type { Terminal } from "./main.js";
import { rulesOf } from "./wanted-rules.js";

/** `weft-iptables lint [flags]`: options that do something nobody expects. Exit 1 when there are any. */
export async function lint(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const own: readonly FlagSyntax[] = [
    { long: "app-uid", type: "string" },
    { long: "all", type: "bool" },
  ];
  const input = await readInput(terminal, argv, { own });
  refuseWords(input);
  const { settings } = input.flags;
  const findings = [
    ...lintOptions(rulesOf(input, terminal).options, {
      native: settings.nativeNftables,
      applicationUids: input.text("app-uid")?.split(",") ?? [],
    }),
    ...lintSettings(settings, input.compat, input.has("all")),
  ];
  const lines = findings.map(({ flag, message, rule, mendedByFixed }) => {
    const mended = mendedByFixed ? "; mended by --compat fixed" : "";
    return `${flag}: ${message}${mended} (${rule})\n`;
  });
  terminal.stdout(input.has("json") ? `${JSON.stringify(findings, null, 2)}\n` : lines.join(""));
  return findings.length === 0 ? 0 : 1;
}

/** `weft-iptables verify [flags] [--rules FILE]`: what differs from the wanted rules. Exit 1 when anything does. */
export async function verify(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const input = await readInput(terminal, argv, { own: [{ long: "rules", type: "string" }] });
  refuseWords(input);
  const file = input.text("rules");
  const { networkNamespace, nativeNftables } = input.flags.settings;
  const wanted = rulesOf(input, terminal);
  const differences = nativeNftables
    ? verifyNative(file === undefined ? readNativeRules(runnerFor(networkNamespace)) : readNativeFile(file), wanted)
    : verifyRules(file === undefined ? readMachineRules(runnerFor(networkNamespace)) : readRuleFile(file), wanted);
  const lines = differences.map(
    ({ kind, family, table, chain, rule, by }) =>
      `${kind}: ${family} ${table} ${chain} ${rule}${by === undefined ? "" : ` (after ${by})`}\n`,
  );
  terminal.stdout(input.has("json") ? `${JSON.stringify(differences, null, 2)}\n` : lines.join(""));
  return differences.length === 0 ? 0 : 1;
}

/** `weft-iptables diff [flags] --- [flags]`: packets whose fate differs between two configurations. Exit 1 when any does. */
export async function diff(terminal: Terminal, argv: readonly string[]): Promise<number> {
  const separator = argv.indexOf("---");
  if (separator < 0) {
    const message = "expected two configurations separated by ---, got one";
    throw new IptablesError("ERR_IPTABLES_VALUE", message, { path: "---", exitCode: 2 });
  }
  const first = await readInput(terminal, argv.slice(0, separator));
  const second = await readInput(terminal, argv.slice(separator + 1));
  for (const side of [first, second]) refuseWords(side);
  const backendOf = ({ flags }: Input) => (flags.settings.nativeNftables ? "nftables" : "iptables");
  const backends = { before: backendOf(first), after: backendOf(second) } as const;
  const changes = diffVerdicts(rulesOf(first, terminal), rulesOf(second, terminal), undefined, backends);
  if (first.has("json")) terminal.stdout(`${JSON.stringify(changes, null, 2)}\n`);
  else {
    for (const { witness, before, after, count } of changes) {
      const who =
        witness.owner === undefined
          ? `in by ${witness.inInterface}`
          : `from uid ${witness.owner.uid} gid ${witness.owner.gid}`;
      const to = endpointText({ address: witness.destination, port: witness.destinationPort });
      const fate = (verdict: typeof before): string =>
        verdict.by === undefined ? verdict.kind : `${verdict.by} to ${verdict.port}`;
      terminal.stdout(`${witness.protocol} ${who} to ${to}: ${fate(before)} -> ${fate(after)} (${count} alike)\n`);
    }
  }
  return changes.length === 0 ? 0 : 1;
}
