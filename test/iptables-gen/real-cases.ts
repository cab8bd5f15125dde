import {
  compileSettings,
  fillFromHost,
  generate,
  type IdResolver,
  readFlags,
  renderNftList,
} from "@weftmesh/iptables-gen";
import type { Case, Outcome } from "../conformance/suite.js";
import { compareAll } from "./compare.js";
import { type FakeKernel, fakeKernel } from "./fake-kernel.js";
import { hostOf, type RandomFile, type RandomInput, type RandomOutput, runOnce, withPrologues } from "./random-case.js";

/** Runs one after another in one network namespace of a real kernel. */
export interface RealFile extends Omit<RandomFile, "cases"> {
  readonly cases: readonly {
    readonly id: string;
    readonly in: {
      readonly host: string;
      readonly resolv: string;
      readonly steps: readonly { readonly args: readonly string[]; readonly env: RandomInput["env"] }[];
    };
    readonly out: {
      readonly steps: readonly RandomOutput[];
      readonly final: Readonly<Record<string, string>>;
    };
  }[];
}

const NAMES: Readonly<Record<string, string>> = { root: "0", daemon: "1", ftp: "101", "istio-proxy": "1337" };
const IDS: IdResolver = { user: (name) => NAMES[name], group: (name) => NAMES[name] };

/** One case a namespace: every step, and what the kernel has in the end. */
export function realCases(file: RealFile): readonly Case[] {
  return file.cases.map((one) => ({ name: one.id, run: () => runSteps(file, one) }));
}

async function runSteps(file: RealFile, { in: input, out }: RealFile["cases"][number]): Promise<Outcome> {
  const kernel = fakeKernel(IDS);
  let native = "";
  for (const [i, step] of input.steps.entries()) {
    kernel.begin();
    const expected = out.steps[i];
    const stepInput: RandomInput = { ...step, host: input.host, resolv: input.resolv };
    const got = await runOnce(file, stepInput, kernel);
    const outcome = compareAll(
      [`step ${i} exit`, expected?.exit, got.exit],
      [`step ${i} v4`, expected?.v4, kernel.restored.v4],
      [`step ${i} v6`, expected?.v6, kernel.restored.v6],
      [`step ${i} nft`, expected?.nft ?? [], kernel.nft],
      [`step ${i} commands`, expected?.commands, withPrologues(kernel.commands, file.prologues)],
      [`step ${i} net`, expected?.net, kernel.net()],
      [`step ${i} printedConfig`, expected?.printedConfig, got.printedConfig],
      [`step ${i} log`, expected?.log, got.log],
    );
    if (!outcome.ok) return outcome;
    if (kernel.nft.length > 0 && got.exit === 0) native = nativeList(file, stepInput, native);
  }
  return compareAll(["final", out.final, finalState(kernel, native)]);
}

function finalState(kernel: FakeKernel, native: string): Record<string, string> {
  const final: Record<string, string> = {};
  for (const program of ["iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft"]) {
    const text = kernel.save(program);
    if (/^-A |^:ISTIO/m.test(text)) final[program] = text.trimEnd();
  }
  if (native !== "") final["nft"] = native.trimEnd();
  return final;
}

/** Native tables after a run: those of this run, and what an earlier one left where this one has none. */
function nativeList(file: RealFile, input: RandomInput, before: string): string {
  const { settings, envoyUser } = readFlags(input.args, input.env, { compat: "strict" });
  if (settings.cleanupOnly) return "";
  const filled = fillFromHost(settings, envoyUser, hostOf(file, input));
  const now = tablesOf(renderNftList(generate(compileSettings(filled, "strict").options), IDS));
  const old = tablesOf(before);
  const names = [...new Set([...old.keys(), ...now.keys()])];
  return names.map((name) => mergeChains(old.get(name), now.get(name))).join("");
}

function tablesOf(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/^table inet (\S+) \{\n[\s\S]*?^\}\n/gm)].map(([block, name = ""]) => [name, block]),
  );
}

/** Chains of an earlier run stay, empty, before the new ones. */
function mergeChains(old: string | undefined, now: string | undefined): string {
  if (old === undefined || now === undefined) return now ?? old ?? "";
  const chains = (text: string): Map<string, string> =>
    new Map(
      [...text.matchAll(/^\tchain (\S+) \{\n([\s\S]*?)^\t\}\n/gm)].map(([, name = "", body = ""]) => [name, body]),
    );
  const [before, after] = [chains(old), chains(now)];
  const merged = [...new Set([...before.keys(), ...after.keys()])].map((name) => {
    const header = /^\t\ttype .*\n/.exec(before.get(name) ?? "")?.[0] ?? "";
    return `\tchain ${name} {\n${after.get(name) ?? header}\t}\n`;
  });
  return `${now.split("\n", 1)[0]}\n${merged.join("")}}\n`;
}
