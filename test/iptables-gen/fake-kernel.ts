import {
  type Command,
  type CommandResult,
  type CommandRunner,
  type IdResolver,
  parseIptablesSave,
  type Rule,
  renderSavedTable,
  ruleKey,
  type Table,
} from "@weftmesh/iptables-gen";
import { type NetState, standIn } from "./stand-in.js";

/** A kernel that knows both iptables variants of both families, and keeps native nft texts; enough to run the real program's steps. */
export interface FakeKernel extends CommandRunner {
  /** Every command but `ip`, one line each, standard input named; cleared by {@link FakeKernel.begin}. */
  readonly commands: readonly string[];
  /** Standard inputs of nft. */
  readonly nft: readonly string[];
  /** Standard inputs of the restores. */
  readonly restored: { readonly v4?: string; readonly v6?: string };
  /** Starts a new step: forgets what was recorded, keeps the state. */
  begin(): void;
  /** What `ip` changed since the beginning. */
  net(): NetState | undefined;
  /** What a save program prints, without comments and counters. */
  save(program: string): string;
}

interface TableState {
  readonly chains: Map<string, Rule[]>;
}

type Variant = Map<Table, TableState>;

/** The order iptables-nft lists its tables in; legacy lists the newest first. */
const NFT_ORDER: readonly Table[] = ["mangle", "raw", "filter", "nat"];

/** Starts a machine without rules. */
export function fakeKernel(ids: IdResolver): FakeKernel {
  const variants = new Map<string, Variant>();
  const ip = standIn({});
  let commands: string[] = [];
  let nft: string[] = [];
  let restored: { v4?: string; v6?: string } = {};

  const variant = (name: string): Variant => {
    const known = variants.get(name) ?? new Map<Table, TableState>();
    variants.set(name, known);
    return known;
  };
  const save = (name: string): string => {
    const tables = [...variant(name)];
    const ordered = name.endsWith("-legacy")
      ? tables.reverse()
      : tables.sort(([a], [b]) => NFT_ORDER.indexOf(a) - NFT_ORDER.indexOf(b));
    return ordered.map(([table, { chains }]) => renderSavedTable(table, chains, ids)).join("");
  };
  const kernel: FakeKernel = {
    get commands() {
      return commands;
    },
    get nft() {
      return nft;
    },
    get restored() {
      return restored;
    },
    begin() {
      commands = [];
      nft = [];
      restored = {};
    },
    net: () => ip.net(),
    save,
    run(command) {
      const { program, args, stdin } = command;
      if (program === "ip") return ip.run(command);
      const line = [program, ...args].join(" ");
      if (program === "nft") {
        commands.push(stdin === undefined ? line : `${line} <nft${nft.push(stdin) - 1}>`);
        return runNft(command);
      }
      const [, binary = "", action = ""] = /^(ip6?tables-(?:legacy|nft))(-save|-restore)?$/.exec(program) ?? [];
      if (binary === "") return { exitCode: 127, stdout: "", stderr: "", missing: true };
      if (stdin === undefined) commands.push(line);
      else {
        const family = program.startsWith("ip6") ? "v6" : "v4";
        restored[family] = stdin;
        commands.push(`${line} <${family}>`);
      }
      if (action === "-save") {
        const version = `${program} v1.8.9 (${binary.endsWith("legacy") ? "legacy" : "nf_tables"})\n`;
        return ok(args[0] === "--version" ? version : save(binary));
      }
      const family = program.startsWith("ip6") ? "ipv6" : "ipv4";
      const apply = action === "-restore" ? restore : changeRule;
      return apply(variant(binary), command, family, ids);
    },
  };
  return kernel;
}

function ok(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: "" };
}

function runNft({ args, stdin = "" }: Command): CommandResult {
  if (args[0] === "--version") return ok("nftables v1.0.6 (Lester Gooch #5)\n");
  // nft has no `+` in its grammar of interface names; the message points at it the way nft's does.
  const errors: string[] = [];
  for (const [i, line] of stdin.split("\n").entries()) {
    const name = / [io]ifname (\S+?)\+ /.exec(line);
    if (name === null) continue;
    const column = line.indexOf("+ ") + 1;
    const what = "syntax error, unexpected +, expecting end of file or newline or semicolon";
    errors.push(`/dev/stdin:${i + 1}:${column}-${column}: Error: ${what}\n${line}\n${" ".repeat(column - 1)}^\n`);
  }
  return errors.length === 0 ? ok("") : { exitCode: 1, stdout: "", stderr: errors.join("") };
}

function tableOf(variant: Variant, name: Table): TableState {
  const known = variant.get(name) ?? { chains: new Map() };
  variant.set(name, known);
  return known;
}

/** One table of a restore text is atomic; the tables before it stay. */
function restore(variant: Variant, { program, stdin = "" }: Command, family: "ipv4" | "ipv6"): CommandResult {
  const blocks = stdin.split(/(?<=^COMMIT\n)/m);
  let line = 0;
  for (const block of blocks) {
    const name = /^\* ?(\S+)/.exec(block)?.[1] as Table | undefined;
    if (name === undefined) continue;
    const next = new Map([...tableOf(variant, name).chains].map(([chain, rules]) => [chain, [...rules]]));
    for (const [i, text] of block.split("\n").entries()) {
      if (!text.startsWith("-N ")) continue;
      if (next.has(text.slice(3))) return chainExists(program, line + i + 1);
      next.set(text.slice(3), []);
    }
    for (const text of block.split("\n")) {
      if (!text.startsWith("-A ") && !text.startsWith("-I ")) continue;
      const [parsed] = parseIptablesSave(`*${name}\n${text.replace(/^-I (\S+) \d+/, "-A $1")}\nCOMMIT\n`, family);
      const rule = parsed?.chains[0]?.rules[0];
      if (rule === undefined) continue;
      const rules = next.get(rule.chain) ?? [];
      const position = /^-I \S+ (\d+)/.exec(text)?.[1];
      rules.splice(position === undefined ? rules.length : Number(position) - 1, 0, rule);
      next.set(rule.chain, rules);
    }
    tableOf(variant, name).chains.clear();
    for (const [chain, rules] of next) tableOf(variant, name).chains.set(chain, rules);
    line += block.split("\n").length - 1;
  }
  return ok("");
}

function chainExists(program: string, line: number): CommandResult {
  const legacy = program.includes("legacy");
  const name = legacy ? program.replace("-legacy", "") : program;
  return {
    exitCode: 1,
    stdout: "",
    stderr: `${name}: line ${line} failed${legacy ? "" : ": Chain already exists."}\n`,
  };
}

function changeRule(variant: Variant, { args }: Command, family: "ipv4" | "ipv6", ids: IdResolver): CommandResult {
  const failed: CommandResult = { exitCode: 1, stdout: "", stderr: "iptables: Bad rule.\n" };
  const words = args.filter((word) => !word.startsWith("--wait"));
  const table = words[1] as Table;
  const [action = "", chain = "", ...rest] = words.slice(2);
  const { chains } = tableOf(variant, table);
  const own = chain.startsWith("ISTIO");
  if (action === "-F" || action === "-X") {
    if (!chains.has(chain)) return failed;
    const used = [...chains.values()].flat().some(({ target }) => target.kind === "jump" && target.chain === chain);
    if (action === "-X" && (used || (chains.get(chain)?.length ?? 0) > 0)) return failed;
    if (action === "-X") chains.delete(chain);
    else chains.set(chain, []);
    return ok("");
  }
  if (own && !chains.has(chain)) return failed;
  if (action === "-I") rest.shift();
  const [parsed] = parseIptablesSave(`*${table}\n-A ${chain} ${rest.join(" ")}\nCOMMIT\n`, family);
  const rule = parsed?.chains[0]?.rules[0];
  if (rule === undefined) return failed;
  if (rule.target.kind === "jump" && !chains.has(rule.target.chain)) return failed;
  const rules = chains.get(chain) ?? [];
  const at = rules.findIndex((one) => ruleKey(one, ids) === ruleKey(rule, ids));
  if (action === "-A") chains.set(chain, [...rules, rule]);
  else if (action === "-I") chains.set(chain, [rule, ...rules]);
  else if (at < 0) return failed;
  else if (action === "-D") rules.splice(at, 1);
  return ok("");
}
