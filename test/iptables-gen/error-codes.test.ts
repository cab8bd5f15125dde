import {
  applySettings,
  type CommandResult,
  DEFAULT_SETTINGS,
  IptablesError,
  type IptablesErrorCode,
  istioIptables,
  parseCidr,
  parseIptablesSave,
  parseNftJson,
  readFlags,
} from "@weftmesh/iptables-gen";
import { describe, expect, it } from "vitest";

const OK: CommandResult = { exitCode: 0, stdout: "", stderr: "" };
const SETTINGS = { ...DEFAULT_SETTINGS, proxyUid: "1337", proxyGid: "1337", inboundPorts: "*" };

function codeOf(act: () => unknown): IptablesErrorCode | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof IptablesError) return error.code;
    throw error;
  }
}

describe("each problem has its own code", () => {
  it.each([
    { code: "ERR_IPTABLES_FLAG_UNKNOWN", act: () => readFlags(["--x"], {}, { compat: "strict" }) },
    { code: "ERR_IPTABLES_FLAG_SYNTAX", act: () => readFlags(["---x"], {}, { compat: "strict" }) },
    { code: "ERR_IPTABLES_FLAG_VALUE", act: () => readFlags(["-n=2"], {}, { compat: "strict" }) },
    { code: "ERR_IPTABLES_CIDR", act: () => parseCidr("10.0.0.0") },
    { code: "ERR_IPTABLES_PARSE", act: () => parseIptablesSave("-A OUTPUT -j ACCEPT\n", "ipv4") },
    { code: "ERR_IPTABLES_PARSE", act: () => parseNftJson("table inet x {}") },
  ] as const)("$code", ({ code, act }) => {
    expect(codeOf(act)).toBe(code);
  });

  it.each(["strict", "fixed"] as const)("ERR_IPTABLES_NO_BACKEND where no program exists, %s", (compat) => {
    const nothing = { run: () => ({ ...OK, exitCode: 127, missing: true }) as const };
    expect(codeOf(() => applySettings(SETTINGS, compat, () => {}, nothing))).toBe("ERR_IPTABLES_NO_BACKEND");
  });

  it.each(["strict", "fixed"] as const)("ERR_IPTABLES_APPLY where loading fails, %s", (compat) => {
    const failing = {
      run: ({ program, args }: { readonly program: string; readonly args: readonly string[] }): CommandResult => {
        if (program.endsWith("-restore")) return { exitCode: 4, stdout: "", stderr: "no\n" };
        return args[0] === "--version" ? { ...OK, stdout: `${program} v1.8.9 (nf_tables)\n` } : OK;
      },
    };
    expect(codeOf(() => applySettings(SETTINGS, compat, () => {}, failing))).toBe("ERR_IPTABLES_APPLY");
  });

  it("ERR_IPTABLES_VALIDATION ends with 126 when the probe does not arrive", async () => {
    const machine = {
      host: { addresses: () => ["10.0.0.1/24"], resolvConf: () => "", userId: () => undefined },
      runner: () => ({ run: () => OK }),
      log: () => {},
      validate: () => Promise.reject(new Error("validation timeout")),
    };
    const run = istioIptables(["--skip-rule-apply", "--run-validation"], {}, machine, { compat: "strict" });
    await expect(run).rejects.toMatchObject({ code: "ERR_IPTABLES_VALIDATION", exitCode: 126 });
  });
});
