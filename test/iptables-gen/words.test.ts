import { describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";

async function call(argv: readonly string[], name = "weft-iptables") {
  let stdout = "";
  let stderr = "";
  const code = await main({
    name,
    argv,
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

const HOST = ["--host-ip", "10.0.0.5/24"];
const TO = ["--to", "10.0.0.9:443"];

describe("words that are neither flags nor values", () => {
  // A command word after a flag, or a `*` the shell replaced by file names, must not apply rules.
  it.each([
    ["-n", "verify", ...HOST],
    ["--json", "lint", "-n", ...HOST],
    ["-n", ...HOST, "--", "-b"],
    ["explain", "stray", ...TO, ...HOST],
    ["lint", "stray", ...HOST],
    ["diff", "stray", ...HOST, "---", ...HOST],
    ["diff", ...HOST, "---", "stray", ...HOST],
    ["doctor", "stray", ...HOST],
    ["clean", "stray"],
    ["configure-routes", "stray", "-n", ...HOST],
    ["istio-clean-iptables", "stray", "-n", ...HOST],
  ])("%s %s %s is refused with one line and exit 2", async (...argv) => {
    const { code, stdout, stderr } = await call(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^[^\n]+ expected flags only, got "[^\n]+\(ERR_IPTABLES_VALUE\)\n$/);
  });

  it("an empty first word is no command", async () => {
    expect((await call(["", "-n", ...HOST])).code).toBe(2);
  });

  it("the alias ignores them, as the original does", async () => {
    expect((await call(["-n", "verify", ...HOST], "istio-iptables")).code).toBe(0);
    expect((await call(["istio-iptables", "-n", "verify", ...HOST])).code).toBe(0);
  });
});

describe("several values that are refused", () => {
  it("have a line each, with the code once", async () => {
    const { stderr } = await call(["--strict-input", "-b", "a b,99999", "-n", ...HOST]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.match(/ERR_IPTABLES_VALUE/g)).toHaveLength(1);
    expect((await call(["--strict-input", "-b", "a b", "-n", ...HOST])).stderr.match(/ERR_/g)).toHaveLength(1);
  });
});
