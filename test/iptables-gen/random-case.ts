import { type Environment, IptablesError, istioIptables, type Machine } from "@weftmesh/iptables-gen";
import { type Case, notUnderstood, type Outcome } from "../conformance/suite.js";
import { compareAll } from "./compare.js";
import { type NetState, type StandIn, type StandInSpec, standIn } from "./stand-in.js";

/** A file of random runs of the real program. */
export interface RandomFile {
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  readonly printedConfigDefault: Readonly<Record<string, string>>;
  readonly prologues: Readonly<Record<string, readonly string[]>>;
  readonly cases: readonly RandomCase[];
}

/** What the program was given. */
export interface RandomInput extends StandInSpec {
  readonly args: readonly string[];
  readonly env: Environment;
  readonly host: string;
  readonly resolv: string;
  readonly resolvMissing?: boolean;
}

/** What the program did. */
export interface RandomOutput {
  readonly exit: number;
  readonly log: readonly (readonly [level: string, text: string])[];
  readonly printedConfig: Readonly<Record<string, string>> | null;
  readonly commands?: readonly string[];
  readonly transcript?: readonly string[];
  readonly v4?: string;
  readonly v6?: string;
  readonly nft?: readonly string[];
  readonly net?: NetState;
  readonly stderr?: readonly string[];
}

interface RandomCase {
  readonly id: string;
  readonly kind: string;
  readonly in: RandomInput;
  readonly out: RandomOutput;
}

const KINDS: ReadonlySet<string> = new Set(["dry", "exec", "state", "nft", "bad", "odd"]);
const INPUT_KEYS: ReadonlySet<string> = new Set([
  ...[
    "args",
    "env",
    "host",
    "resolv",
    "resolvMissing",
    "bins",
    "noV6Binaries",
    "nftVersion",
    "save",
    "fail",
    "failExit",
  ],
  "stateKind",
]);

/** One case a run. */
export function randomCases(file: RandomFile): readonly Case[] {
  return file.cases.map((one) => {
    const unknown = Object.keys(one.in).filter((key) => !INPUT_KEYS.has(key));
    if (!KINDS.has(one.kind) || unknown.length > 0) {
      return notUnderstood(one.id, `kind ${one.kind}, inputs ${unknown.join(", ")}`);
    }
    return { name: one.id, run: () => runRandom(file, one) };
  });
}

async function runRandom(file: RandomFile, { in: input, out }: RandomCase): Promise<Outcome> {
  const machine = standIn(input);
  const got = await runOnce(file, input, machine);
  const net = machine.net();
  const commands = withPrologues(machine.commands, file.prologues);
  return compareAll(
    ["exit", out.exit, got.exit],
    ...("transcript" in out ? ([["transcript", out.transcript, got.transcript]] as const) : []),
    ["v4", out.v4, machine.restored.v4],
    ["v6", out.v6, machine.restored.v6],
    ["nft", out.nft ?? [], machine.nft],
    ...("commands" in out ? ([["commands", out.commands, commands]] as const) : []),
    ["net", out.net, net],
    ["printedConfig", out.printedConfig, got.printedConfig],
    ["log", out.log, got.log],
    ["stderr", out.stderr, got.stderr],
  );
}

/** One run of the program, with what can be seen of it from outside. */
export interface RandomRun {
  readonly exit: number;
  readonly log: readonly (readonly [level: string, text: string])[];
  readonly printedConfig: Readonly<Record<string, string>> | null;
  readonly transcript: readonly string[] | undefined;
  readonly stderr: readonly string[] | undefined;
}

/** Runs the whole program once on a machine of stand-ins. */
export async function runOnce(
  file: Pick<RandomFile, "hosts" | "printedConfigDefault">,
  input: RandomInput,
  runner: Pick<StandIn, "run">,
): Promise<RandomRun> {
  const log: (readonly [string, string])[] = [];
  let printedConfig: Record<string, string> | null = null;
  let transcript: readonly string[] | undefined;
  const machine: Machine = {
    host: hostOf(file, input),
    runner: () => runner,
    log(level, text) {
      if (text.startsWith("Istio config:\n")) printedConfig = configDifference(text, file.printedConfigDefault);
      else log.push([level, shortened(text)]);
    },
    transcript(lines) {
      transcript = lines;
    },
  };
  let exit = 0;
  let stderr: readonly string[] | undefined;
  try {
    await istioIptables(input.args, input.env, machine, { compat: "strict" });
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    exit = error.exitCode;
    log.push(["error", error.message.trimEnd() === error.message ? error.message : error.message.replace(/\n$/, "")]);
    if (exit === 255) stderr = [`Error: ${error.message}`];
  }
  return { exit, log, printedConfig, transcript, stderr };
}

/** The host of a run. */
export function hostOf(file: Pick<RandomFile, "hosts">, input: RandomInput): Machine["host"] {
  const lines = file.hosts[input.host];
  if (lines === undefined) throw new Error(`unknown host ${input.host}`);
  const addresses = lines.map((line) => line.split(" ")[1] ?? "");
  return {
    // A netlink dump lists all IPv4 addresses first.
    addresses: () => [
      "127.0.0.1/8",
      ...addresses.filter((one) => !one.includes(":")),
      "::1/128",
      ...addresses.filter((one) => one.includes(":")),
    ],
    resolvConf() {
      if (input.resolvMissing === true) throw new Error("open /etc/resolv.conf: no such file or directory");
      return input.resolv;
    },
    userId: (name) => USERS[name],
  };
}

/** Users of the machine the cases were made on. */
const USERS: Readonly<Record<string, string>> = { root: "0", daemon: "1", nobody: "65534" };

const LONG_TEXTS = /^(Running iptables restore with: .*|Final iptables state .*:|nftables rules programmed:)\n[\s\S]+$/;

function shortened(text: string): string {
  return text.replace(LONG_TEXTS, "$1\n<text>").replace(/\n$/, "");
}

function configDifference(text: string, defaults: Readonly<Record<string, string>>): Record<string, string> {
  const lines = text
    .split("\n")
    .slice(1, -1)
    .map((line): [string, string] => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1)];
    });
  return Object.fromEntries(lines.filter(([name, value]) => defaults[name] !== value));
}

/** Names the detection's usual commands, as the cases do. */
export function withPrologues(
  commands: readonly string[],
  prologues: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  const out: string[] = [];
  for (let i = 0; i < commands.length; ) {
    const found = Object.entries(prologues).find(([, lines]) => lines.every((line, n) => commands[i + n] === line));
    out.push(found === undefined ? (commands[i] ?? "") : `<${found[0]}>`);
    i += found === undefined ? 1 : found[1].length;
  }
  return out;
}
