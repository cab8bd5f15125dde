import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";

const dir = mkdtempSync(join(tmpdir(), "weft-iptables-"));
afterAll(() => rmSync(dir, { recursive: true }));
afterEach(() => vi.unstubAllEnvs());

async function call(...argv: string[]) {
  let stdout = "";
  let stderr = "";
  const code = await main({
    name: "weft-iptables",
    argv: argv.includes("--host-ip") ? argv : [...argv, "--host-ip", "10.0.0.5/24"],
    env: {},
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { code, stdout, stderr };
}

const FIXED = ["--compat", "fixed"];

describe("--restore-format in fixed", () => {
  it.each([
    { what: "a dry run", argv: ["-n"] },
    { what: "--output restore", argv: ["--output", "restore"] },
  ])("false: $what prints one command a rule", async ({ argv }) => {
    const { code, stdout, stderr } = await call(...FIXED, "--restore-format=false", ...argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^iptables -t nat -N ISTIO_INBOUND\n/);
    expect(stdout).toBe((await call(...FIXED, "--output", "commands")).stdout);
  });

  it("false: what is applied is applied in one commit, with a warning", async () => {
    const { stderr } = await call(...FIXED, "-f=false", "--skip-rule-apply");
    expect(stderr).toBe(
      "weft-iptables: --restore-format=false: the rules are applied in one commit a table all the same.\n",
    );
  });

  it("true is what is done anyway", async () => {
    const { stdout, stderr } = await call(...FIXED, "-f", "--output", "restore");
    expect({ stdout, stderr }).toEqual(
      await call(...FIXED, "--output", "restore").then(({ code: _, ...rest }) => rest),
    );
  });
});

describe("--output-paths in fixed", () => {
  const path = join(dir, "rules");
  it("writes the restore text of both families as well", async () => {
    const argv = [...FIXED, "--dual-stack", "--host-ip", "10.0.0.5,fd00::5"];
    const run = (...more: string[]) => call(...more, ...argv);
    expect((await run("--output-paths", path, "-n")).code).toBe(0);
    const wanted = (await run("--output", "restore")).stdout + (await run("--output", "restore6")).stdout;
    expect(readFileSync(path, "utf8")).toBe(wanted);
    expect(wanted).toContain("-s ::6/128");
  });

  it("writes the nft transaction with native nft", async () => {
    await call(...FIXED, "--output-paths", path, "-n", "--native-nftables");
    expect(readFileSync(path, "utf8")).toBe((await call(...FIXED, "--native-nftables", "--output", "nft")).stdout);
  });

  it("a file that cannot be written is refused before anything is applied", async () => {
    const { code, stdout, stderr } = await call(...FIXED, "--output-paths", join(dir, "no", "file"), "-n");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^weft-iptables: unable to open rules file .*\(ERR_IPTABLES_APPLY\)\n$/);
  });
});

it("doctor says that it can try nothing where unshare is missing", async () => {
  vi.stubEnv("PATH", dir);
  const { code, stdout } = await call("doctor");
  expect(code).toBe(1);
  expect(stdout).toContain("-m owner (module xt_owner): unshare is not installed");
});
