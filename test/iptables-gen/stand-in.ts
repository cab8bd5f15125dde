import type { Command, CommandResult, CommandRunner } from "@weftmesh/iptables-gen";

/** Which programs exist, and what they are: the profiles of the random cases. */
export interface StandInSpec {
  /** Profile of the iptables programs. */
  readonly bins?: string;
  /** No ip6tables programs at all. */
  readonly noV6Binaries?: boolean;
  /** What `nft --version` names; empty: no nft. */
  readonly nftVersion?: string;
  /** What `…-save` prints, by program. */
  readonly save?: Readonly<Record<string, string>>;
  /** Commands that fail: parts of "name args". */
  readonly fail?: readonly string[];
  /** How they fail. */
  readonly failExit?: number;
}

const NFT = "v1.8.9 (nf_tables)";
const LEGACY = "v1.8.9 (legacy)";

/** Version of each suffix (`-legacy`, `-nft`, none) in a profile. */
const PROFILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  both: { "-legacy": LEGACY, "-nft": NFT, "": NFT },
  "legacy-only": { "-legacy": LEGACY, "": LEGACY },
  "nft-only": { "-nft": "v1.8.7 (nf_tables)" },
  "plain-nft": { "": NFT },
  "plain-legacy": { "": "v1.8.4 (legacy)" },
  "old-legacy": { "": "v1.6.1" },
  "legacy-1.6.2": { "": "v1.6.2" },
  "no-version-option": { "": "" },
  "garbage-version": { "": "vX" },
  none: {},
};

/** A machine of stand-ins: programs that record instead of doing anything. */
export interface StandIn extends CommandRunner {
  /** Every command but `ip`, one line each, standard input named. */
  readonly commands: readonly string[];
  /** Standard inputs of the restores, by family. */
  readonly restored: { readonly v4?: string; readonly v6?: string };
  /** Standard inputs of nft, in order. */
  readonly nft: readonly string[];
  /** What `ip` changed, as the cases print it; undefined when nothing. */
  net(): NetState | undefined;
}

/** Policy routing and addresses left behind. */
export interface NetState {
  readonly ipRules?: readonly string[];
  readonly routes?: readonly string[];
  readonly lo?: readonly string[];
}

const MISSING: CommandResult = { exitCode: 127, stdout: "", stderr: "", missing: true };

/** Stand-ins for a profile. */
export function standIn(spec: StandInSpec): StandIn {
  const profile = PROFILES[spec.bins ?? "both"];
  if (profile === undefined) throw new Error(`unknown profile ${spec.bins}`);
  const commands: string[] = [];
  const restored: { v4?: string; v6?: string } = {};
  const nft: string[] = [];
  const ip = fakeIp();
  return {
    commands,
    restored,
    nft,
    net: ip.net,
    run(command) {
      if (command.program === "ip") return ip.run(command);
      const { program, args, stdin, sandbox } = command;
      const version = versionOf(program, spec, profile);
      if (version === undefined) return MISSING;
      // The original then sets this variable and clears all others, among them the one that told the stand-ins where to record.
      if (sandbox?.lockBy === "environment") return answer(command, version, spec);
      const line = [program, ...args].join(" ");
      let input = "";
      if (program === "nft" && stdin !== undefined) input = ` <nft${nft.push(stdin) - 1}>`;
      else if (stdin !== undefined) {
        const family = program.startsWith("ip6") ? "v6" : "v4";
        restored[family] = stdin;
        input = ` <${family}>`;
      }
      commands.push(line + input);
      if (spec.fail?.some((part) => line.includes(part))) {
        const stderr = `${program} v1.8.9 (stand-in): simulated failure\n`;
        return { exitCode: spec.failExit ?? 1, stdout: "", stderr };
      }
      return answer(command, version, spec);
    },
  };
}

function answer({ program, args }: Command, version: string, spec: StandInSpec): CommandResult {
  if (args[0] === "--version") {
    if (program === "nft") return ok(`nftables ${version} (Old Doc Yak #3)\n`);
    if (version === "") return { exitCode: 0, stdout: "", stderr: `${program}: unrecognized option '--version'\n` };
    return ok(`${program} ${version}\n`);
  }
  return ok(program.endsWith("-save") ? (spec.save?.[program] ?? "") : "");
}

function ok(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: "" };
}

function versionOf(program: string, spec: StandInSpec, profile: Readonly<Record<string, string>>): string | undefined {
  if (program === "nft") return spec.nftVersion === "" ? undefined : (spec.nftVersion ?? "v1.0.9");
  const [, six, suffix = ""] = /^ip(6?)tables(-legacy|-nft)?(?:-save|-restore)?$/.exec(program) ?? [];
  if (six === undefined || (six === "6" && spec.noV6Binaries === true)) return undefined;
  return Object.hasOwn(profile, suffix) ? profile[suffix] : undefined;
}

function fakeIp(): { run(command: Command): CommandResult; net(): NetState | undefined } {
  const rules: { family: string; text: string }[] = [];
  const routes = new Map<string, string>();
  const lo = new Set<string>();
  const exists: CommandResult = { exitCode: 2, stdout: "", stderr: "RTNETLINK answers: File exists\n" };
  return {
    run({ args }) {
      const [family = "", object, , ...words] = args;
      const value = (name: string): string => words[words.indexOf(name) + 1] ?? "";
      if (object === "addr") {
        if (lo.has(words[0] ?? "")) return exists;
        lo.add(words[0] ?? "");
      } else if (object === "rule") {
        const mark = `0x${Number(value("fwmark")).toString(16)}`;
        rules.push({ family, text: `from all fwmark ${mark} lookup ${value("lookup")}` });
      } else {
        const table = value("table");
        if (routes.has(`${family} ${table}`)) return exists;
        const tail = family === "-4" ? "scope host" : "metric 1024 pref medium";
        routes.set(`${family} ${table}`, `local default dev lo table ${table} ${tail}`);
      }
      return ok("");
    },
    net() {
      if (rules.length + routes.size + lo.size === 0) return undefined;
      const byFamily = rules.sort((a, b) => (a.family < b.family ? -1 : 1));
      return {
        ...(rules.length > 0 ? { ipRules: byFamily.map(({ text }) => text) } : {}),
        ...(routes.size > 0 ? { routes: [...routes.values()] } : {}),
        ...(lo.size > 0 ? { lo: [...lo] } : {}),
      };
    },
  };
}
