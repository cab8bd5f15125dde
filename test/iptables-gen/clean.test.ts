import {
  applySettings,
  type Command,
  type CommandResult,
  type CommandRunner,
  cleanMachine,
  DEFAULT_OPTIONS,
  DEFAULT_SETTINGS,
  generate,
  istioIptables,
} from "@weftmesh/iptables-gen";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";
import { perform, readingRunner } from "../../packages/iptables-gen/src/shell/perform.js";
import { makeNamespace, type Namespace, noNamespaces } from "./namespace.js";

const SAVED = "*nat\n:OUTPUT ACCEPT [0:0]\n:ISTIO_OUTPUT - [0:0]\n-A OUTPUT -j ISTIO_OUTPUT\nCOMMIT\n";
const RULE = "32765:\tfrom all fwmark 0x539 lookup 133\n";
const RULES = generate(DEFAULT_OPTIONS);

/** A machine after two runs of the original in TPROXY mode; whatever is not in the list of answers fails. */
function machine(answers: Readonly<Record<string, string>>): CommandRunner & { readonly changes: readonly string[] } {
  const changes: string[] = [];
  return {
    changes,
    run({ program, args }: Command): CommandResult {
      const line = [program, ...args].join(" ");
      const stdout = answers[line];
      if (stdout !== undefined) return { exitCode: 0, stdout, stderr: "" };
      if (program.endsWith("-save") || /\b(?:show|list)\b/.test(line)) return { exitCode: 1, stdout: "", stderr: "no" };
      changes.push(line);
      return { exitCode: 0, stdout: "", stderr: "" };
    },
  };
}

const CAPTURED = {
  "iptables-nft-save": SAVED,
  "ip -4 rule show fwmark 1337 lookup 133": RULE + RULE,
  "ip -4 route show table 133": "local default dev lo scope host \n",
  "ip -6 addr show dev lo": "    inet6 ::6/128 scope global \n",
};
const REMOVALS = [
  "ip -4 rule del fwmark 1337 lookup 133",
  "ip -4 rule del fwmark 1337 lookup 133",
  "ip -4 route del local default dev lo table 133",
  "ip -6 addr del ::6/128 dev lo",
];

describe("cleaning", () => {
  it("removes an ip rule for each run of the original", () => {
    const captured = machine(CAPTURED);
    expect(perform(cleanMachine(RULES), captured, () => {})).toBe(true);
    expect(captured.changes).toEqual(["iptables-nft-restore --noflush", ...REMOVALS]);
  });

  it("changes nothing in a dry run and tells what it would run", () => {
    const captured = machine(CAPTURED);
    const recorder = readingRunner(captured);
    const said: string[] = [];
    perform(cleanMachine(RULES, true), recorder, (_level, text) => said.push(text));
    expect(captured.changes).toEqual([]);
    expect(recorder.lines).toEqual([
      "*nat",
      ":ISTIO_OUTPUT - [0:0]",
      "-D OUTPUT -j ISTIO_OUTPUT",
      "-X ISTIO_OUTPUT",
      "COMMIT",
      ...REMOVALS,
    ]);
    expect(said).toEqual(["Would remove rules, routes or addresses."]);
  });

  it("a dry run of --cleanup-only in fixed lists what this machine has, in strict what the original lists", async () => {
    const captured = machine(CAPTURED);
    let lines: readonly string[] = [];
    const host = { addresses: () => ["10.0.0.1/24"], resolvConf: () => "", userId: () => undefined };
    const run = (compat: "strict" | "fixed") =>
      istioIptables(
        ["--cleanup-only", "-n"],
        {},
        {
          host,
          runner: () => captured,
          log: () => {},
          transcript: (text) => {
            lines = text;
          },
        },
        { compat },
      );
    await run("fixed");
    expect(lines.filter((line) => line.startsWith("ip "))).toEqual(REMOVALS);
    await run("strict");
    expect(lines).toContain("iptables -t nat -F ISTIO_OUTPUT");
    expect(captured.changes).toEqual([]);
  });

  it("takes no rule without a mark for ours", () => {
    const captured = machine({
      "iptables-nft-save": "",
      "ip -4 rule show fwmark 0 lookup 254": "32766:\tfrom all lookup main\n",
    });
    const rules = generate({ ...DEFAULT_OPTIONS, tproxyMark: "0", tproxyTable: "254" });
    expect(perform(cleanMachine(rules), captured, () => {})).toBe(false);
    expect(captured.changes).toEqual([]);
  });

  it("refuses a mark that is none before it removes anything", () => {
    const captured = machine(CAPTURED);
    const rules = generate({ ...DEFAULT_OPTIONS, tproxyMark: "abc" });
    expect(() => perform(cleanMachine(rules), captured, () => {})).toThrow(/InboundTProxyMark.*"abc"/);
    expect(captured.changes).toEqual([]);
  });

  it.each([
    { what: "no program", result: { exitCode: 127, stdout: "", stderr: "", missing: true } as const },
    { what: "no permission", result: { exitCode: 4, stdout: "", stderr: "Permission denied (you must be root)" } },
  ])("with $what it does not say that there is nothing", ({ result }) => {
    const runner = { run: (): CommandResult => result };
    expect(() => perform(cleanMachine(RULES), runner, () => {})).toThrow(
      expect.objectContaining({ code: "ERR_IPTABLES_NO_BACKEND" }),
    );
  });
});

describe.skipIf(noNamespaces !== undefined)(`clean of a live machine (${noNamespaces ?? "a namespace"})`, () => {
  let namespace: Namespace;
  beforeAll(() => {
    namespace = makeNamespace();
  });
  afterAll(() => namespace[Symbol.dispose]());

  const clean = async (env: Record<string, string>, ...argv: string[]) => {
    let stdout = "";
    const path = `/run/netns/${namespace.name}`;
    const code = await main({
      name: "weft-iptables",
      argv: ["clean", ...argv, "--network-namespace", path],
      env,
      stdout: (text) => {
        stdout += text;
      },
      stderr: () => {},
    });
    return { code, stdout };
  };

  it("a dry run, by flag or variable, leaves rules and routes as they are", async () => {
    const tproxy = { inboundPorts: "*", inboundInterceptionMode: "TPROXY", proxyUid: "1337", proxyGid: "1337" };
    applySettings({ ...DEFAULT_SETTINGS, ...tproxy }, "fixed", () => {}, namespace.runner);
    const state = (): string =>
      [
        { program: "iptables-nft-save", args: [] },
        { program: "ip", args: ["rule", "show"] },
        { program: "ip", args: ["route", "show", "table", "133"] },
      ]
        .map((command) => namespace.runner.run(command).stdout)
        .join("")
        .replaceAll(/^#.*$/gm, "");
    const before = state();
    expect(before).toContain("-A ISTIO_TPROXY");
    expect((await clean({}, "--dry-run")).stdout).toContain("\nip -4 rule del fwmark 1337 lookup 133\n");
    expect(JSON.parse((await clean({ DRY_RUN: "true" }, "--json")).stdout)).toMatchObject({ changed: false });
    expect(state()).toBe(before);
    expect((await clean({})).stdout).toBe("info\tRemoved all rules, routes and addresses.\n");
    expect(state()).not.toContain("ISTIO");
  });
});
