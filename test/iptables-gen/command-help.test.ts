import { expect, test } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";

test.each(["explain", "lint", "verify", "diff", "doctor", "report", "clean"])(
  "%s --help prints the help and does nothing else",
  async (command) => {
    let stdout = "";
    let stderr = "";
    const code = await main({
      name: "weft-iptables",
      argv: [command, "-b", "*", "--help"],
      env: {},
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("usage: weft-iptables");
  },
);
