import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";

const dir = mkdtempSync(join(tmpdir(), "weft-iptables-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function call(argv: readonly string[], name = "weft-iptables", env: Record<string, string> = {}) {
  let stdout = "";
  let stderr = "";
  const code = await main({
    name,
    argv,
    env,
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

describe("command words", () => {
  it("an unknown first word applies nothing and exits with 2", async () => {
    const { code, stderr } = await call(["aply"]);
    expect(code).toBe(2);
    expect(stderr).toContain("explain");
    expect(stderr).toContain("(ERR_IPTABLES_COMMAND_UNKNOWN)");
  });

  it.each([
    ["verify", "/nofile"],
    ["report", "FILE"],
    ["explain", "--to", "nonsense:1"],
  ])("%s %s is refused with one line and exit 2", async (...argv) => {
    const { code, stderr } = await call([...argv, ...HOST]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^[^\n]+\(ERR_IPTABLES_VALUE\)\n$/);
  });

  it("the alias takes positional words as the original does", async () => {
    const { code, stdout } = await call(["anything", "-n", ...HOST], "istio-iptables");
    expect(code).toBe(0);
    expect(stdout).toContain("* nat\n-N ISTIO_INBOUND");
  });

  it("an injected pod's arguments are understood", async () => {
    const injected = [
      "istio-iptables",
      "-p",
      "15001",
      "-z",
      "15006",
      "-u",
      "1337",
      "-m",
      "REDIRECT",
      "-i",
      "*",
      "-x",
      "",
    ];
    const { code, stdout } = await call([
      ...injected,
      "-b",
      "*",
      "-d",
      "15090,15021",
      "--log_output_level=default:info",
      "-n",
      ...HOST,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN");
  });

  it("help names every flag with its variable", async () => {
    const { code, stdout } = await call(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("--istio-inbound-ports [ISTIO_INBOUND_PORTS]");
  });

  it("the version names the commit that is mirrored", async () => {
    expect((await call(["version"])).stdout).toContain("86c9f01fd735");
  });
});

describe("exit codes and messages of the original", () => {
  it.each([
    { argv: ["--no-such-flag"], code: 255, text: "Error: unknown flag: --no-such-flag" },
    { argv: ["-b"], code: 255, text: "Error: flag needs an argument: 'b' in -b" },
    { argv: ["--dry-run=maybe"], code: 255, text: 'invalid argument "maybe" for "-n, --dry-run" flag' },
    {
      argv: ["-x", "*", "-n", ...HOST],
      code: 1,
      text: "invalid value for OUTBOUND_IP_RANGES_EXCLUDE (ERR_IPTABLES_WILDCARD)",
    },
    { argv: ["-i", "10.0.0.1", "-n", ...HOST], code: 1, text: "no '/' (ERR_IPTABLES_CIDR)" },
    { argv: ["--force-iptables-binary=x", ...HOST], code: 1, text: "(ERR_IPTABLES_BINARY)" },
    {
      argv: ["-n", "--host-ip", "127.0.0.1/8"],
      code: 1,
      text: "no valid local IP address found (ERR_IPTABLES_HOST_ADDRESS)",
    },
    {
      argv: ["-n", ...HOST, "--redirect-dns", "--resolv-conf", "/nonexistent"],
      code: 1,
      text: "(ERR_IPTABLES_RESOLV_CONF)",
    },
    { argv: ["--compat", "loose"], code: 2, text: "(ERR_IPTABLES_VALUE)" },
    { argv: ["--output", "xml", ...HOST], code: 2, text: "(ERR_IPTABLES_VALUE)" },
  ])("$argv ends with $code", async ({ argv, code, text }) => {
    const result = await call(argv);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(text);
  });

  it("a variable with more than 64 groups is refused", async () => {
    const groups = Array.from({ length: 65 }, (_, i) => i).join(",");
    const { code, stderr } = await call(["-n", ...HOST], "weft-iptables", { ISTIO_OUTBOUND_OWNER_GROUPS: groups });
    expect(code).toBe(1);
    expect(stderr).toContain("(ERR_IPTABLES_OWNER_GROUPS)");
  });

  it("a loopback range outside 127/8 is refused", async () => {
    const env = { ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: "10.0.0.1/32" };
    expect((await call(["-n", ...HOST], "weft-iptables", env)).stderr).toContain("(ERR_IPTABLES_LOOPBACK)");
  });
});

describe("compat", () => {
  it("strict refuses flags of earlier releases, fixed accepts them", async () => {
    expect((await call(["--iptables-trace-logging", "-n", ...HOST])).code).toBe(255);
    const fixed = await call(["--iptables-trace-logging", "-n", "--compat=fixed", ...HOST]);
    expect(fixed.code).toBe(0);
    expect(fixed.stderr).toContain("--iptables-trace-logging was removed");
  });

  it("strict ignores ENVOY_PORT and says so, fixed honours it", async () => {
    const env = { ENVOY_PORT: "16001" };
    const strict = await call(["-n", ...HOST], "weft-iptables", env);
    expect(strict.stdout).toContain("--to-ports 15001");
    expect(strict.stderr).toContain("ENVOY_PORT=16001 has no effect");
    expect((await call(["-n", "--compat=fixed", ...HOST], "weft-iptables", env)).stdout).toContain("--to-ports 16001");
  });

  it("a malformed variable leaves the type's zero in strict and the default in fixed, both with advice", async () => {
    const env = { IPTABLES_PROBE_PORT: "http" };
    expect((await call(["-n", ...HOST], "weft-iptables", env)).stderr).toContain("using 0");
    expect((await call(["-n", "--compat=fixed", ...HOST], "weft-iptables", env)).stderr).toContain("using 15002");
  });
});

describe("explain, lint, verify, diff", () => {
  it("explain says who receives a packet and why", async () => {
    const argv = ["explain", "-b", "*", "-i", "*", "--uid", "1000", "--to", "10.0.0.9:443", ...HOST];
    const { stdout } = await call(argv);
    expect(stdout).toContain("=> delivered to 127.0.0.1:15001 on this machine by redirect");
    expect(stdout).toContain("original destination 10.0.0.9:443");
    const json = JSON.parse((await call([...argv, "--json"])).stdout) as { by: string };
    expect(json.by).toBe("redirect");
  });

  it("explain walks a saved rule set, foreign rules included", async () => {
    const file = join(dir, "saved");
    writeFileSync(
      file,
      "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -m bpf --object-pinned /x -j ACCEPT\n-A OUTPUT -p tcp -j REDIRECT --to-ports 9\nCOMMIT\n",
    );
    const { stdout } = await call(["explain", "--rules", file, "--uid", "1", "--to", "10.0.0.9:443", ...HOST]);
    expect(stdout).toContain("delivered to 127.0.0.1:9");
    expect(stdout).toContain("1 foreign rules could not be judged");
  });

  it.each(["no-port", "10.0.0.9:99999", "not/an/address:1"])("explain refuses the destination %s", async (to) => {
    const { code, stderr } = await call(["explain", "--to", to, ...HOST]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain("(ERR_IPTABLES_VALUE)");
  });

  it("lint names defects that fixed mends", async () => {
    const { code, stdout } = await call(["lint", "-b", "80", "-d", "90", ...HOST]);
    expect(code).toBe(1);
    expect(stdout).toContain("mended by --compat fixed (exclude-without-wildcard)");
  });

  it("verify finds no difference in its own save form, and each kind of difference in a changed one", async () => {
    const file = join(dir, "state");
    const flags = ["-b", "80,81", "-i", "*", ...HOST];
    const { stdout: saved } = await call([...flags, "--output", "save"]);
    writeFileSync(file, saved);
    expect(await call(["verify", ...flags, "--rules", file])).toMatchObject({ code: 0, stdout: "" });
    const missing = saved.replace("-A ISTIO_INBOUND -p tcp -m tcp --dport 81 -j ISTIO_IN_REDIRECT\n", "");
    writeFileSync(
      file,
      missing.replace("-A OUTPUT", "-A OUTPUT -p tcp -j ACCEPT\n-A OUTPUT").replace("*nat", "*nat\n:ISTIO_OLD - [0:0]"),
    );
    const { code, stdout } = await call(["verify", ...flags, "--rules", file]);
    expect(code).toBe(1);
    expect(stdout).toContain("missing: ipv4 nat ISTIO_INBOUND -p tcp -m tcp --dport 81");
    expect(stdout).toContain("shadowed: ipv4 nat OUTPUT -j ISTIO_OUTPUT (after -p tcp -j ACCEPT)");
  });

  it.each([
    { what: "a folder", make: () => dir },
    { what: "a file that does not exist", make: () => join(dir, "nothing") },
    {
      what: "binary data",
      make: () => {
        writeFileSync(join(dir, "binary"), "\0\0\0");
        return join(dir, "binary");
      },
    },
    {
      what: "other text",
      make: () => {
        writeFileSync(join(dir, "other"), "hello\n");
        return join(dir, "other");
      },
    },
  ])("$what as a rule file is one line and exit 2", async ({ make }) => {
    const { code, stderr } = await call(["verify", "--rules", make(), ...HOST]);
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain("(ERR_IPTABLES_PARSE)");
  });

  it("diff shows a packet whose fate changes", async () => {
    const { code, stdout } = await call(["diff", "-b", "*", ...HOST, "---", "-b", "*", "-d", "8080", ...HOST]);
    expect(code).toBe(1);
    expect(stdout).toContain(":8080: redirect to 15006 -> delivered");
    expect((await call(["diff", "-b", "*", ...HOST, "---", "-b", "*", ...HOST])).code).toBe(0);
  });
});
