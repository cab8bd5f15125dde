import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";
import { applySettings, DEFAULT_SETTINGS, type Settings } from "../../packages/iptables-gen/src/index.js";
import { probe } from "../../packages/iptables-gen/src/shell/probe.js";
import { makeNamespace, type Namespace, noNamespaces } from "./namespace.js";

const WANTED: Settings = {
  ...DEFAULT_SETTINGS,
  forceIptablesBinary: "nft",
  proxyUid: "1337",
  proxyGid: "1337",
  hostIp: "10.77.0.1",
  inboundPorts: "*",
  serviceCidr: "*",
};
const FLAGS = ["-b", "*", "-i", "*"];

describe.skipIf(noNamespaces !== undefined)(`commands about a live machine (${noNamespaces ?? "a namespace"})`, () => {
  let namespace: Namespace;
  const call = async (...argv: string[]) => {
    let stdout = "";
    let stderr = "";
    const code = await main({
      name: "weft-iptables",
      argv: [...argv, "--network-namespace", `/run/netns/${namespace.name}`],
      env: {},
      stdout: (text) => {
        stdout += text;
      },
      stderr: (text) => {
        stderr += text;
      },
    });
    return { code, stdout, stderr };
  };
  const apply = (native: boolean, settings: Partial<Settings> = {}): void =>
    applySettings({ ...WANTED, ...settings, nativeNftables: native }, "fixed", () => {}, namespace.runner);
  const run = (program: string, ...args: string[]) => namespace.runner.run({ program, args });

  beforeAll(() => {
    namespace = makeNamespace();
  });
  afterAll(() => namespace[Symbol.dispose]());

  it.each([
    { native: false, rule: "-A ISTIO_REDIRECT -p tcp" },
    { native: true, rule: "istio-redirect meta l4proto tcp counter redirect to :15001" },
  ])("explain --live finds the back end that has rules and walks them, native $native", async ({ native, rule }) => {
    apply(native);
    const { code, stdout } = await call("explain", "--live", "--uid", "1000", "--to", "10.96.0.1:443");
    expect(code).toBe(0);
    expect(stdout).toContain(rule);
    expect(stdout).toContain("=> delivered to 127.0.0.1:15001 on this machine by redirect");
  });

  it.each([false, true])("report counts what came, native %s", async (native) => {
    apply(native, { serviceCidr: "10.99.0.0/16" });
    // Nobody listens there; the attempt is a packet all the same.
    run("bash", "-c", "exec 3<>/dev/tcp/10.77.0.2/9");
    const flags = ["-b", "*", "-i", "10.99.0.0/16", "--compat", "fixed", ...(native ? ["--native-nftables"] : [])];
    const { stdout } = await call("report", ...flags, "--json");
    const lines = JSON.parse(stdout) as { chain: string; packets: number; why: string }[];
    const jump = lines.find(({ chain }) => chain.toUpperCase() === "OUTPUT");
    expect(jump?.packets).toBeGreaterThan(0);
    expect(lines.every(({ why }) => why !== "")).toBe(true);
  });

  it.each([false, true])("verify finds no difference, then what was taken and added, native %s", async (native) => {
    apply(native);
    const flags = [...FLAGS, "--compat", "fixed", ...(native ? ["--native-nftables"] : [])];
    expect(await call("verify", ...flags)).toMatchObject({ code: 0, stdout: "" });
    if (native) {
      run("nft", "flush", "chain", "inet", "istio-proxy-nat", "istio-redirect");
      run("nft", "add", "rule", "inet", "istio-proxy-nat", "istio-inbound", "tcp", "dport", "9", "counter", "return");
    } else {
      run("iptables-nft", "-t", "nat", "-F", "ISTIO_REDIRECT");
      run("iptables-nft", "-t", "nat", "-A", "ISTIO_INBOUND", "-p", "tcp", "--dport", "9", "-j", "RETURN");
    }
    const { code, stdout } = await call("verify", ...flags);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^missing: .*redirect.*15001$/im);
    expect(stdout).toMatch(/^extra: .*dport 9 /m);
  });

  it("a file of nft's JSON is read like the machine", async () => {
    apply(true);
    const file = `/tmp/${namespace.name}.json`;
    writeFileSync(file, run("nft", "-j", "list", "ruleset").stdout);
    try {
      const native = ["--native-nftables", "--compat", "fixed", "--rules", file];
      expect(await call("verify", ...FLAGS, ...native)).toMatchObject({ code: 0 });
      const { stdout } = await call("explain", ...native, "--uid", "1000", "--to", "10.96.0.1:443");
      expect(stdout).toContain("=> delivered to 127.0.0.1:15001");
      writeFileSync(file, "hello");
      expect(await call("verify", ...FLAGS, ...native)).toMatchObject({ code: 2 });
    } finally {
      rmSync(file);
    }
  });

  it("fixed asks the namespace for its addresses and name servers", async () => {
    const dir = `/etc/netns/${namespace.name}`;
    mkdirSync(dir, { recursive: true });
    writeFileSync(`${dir}/resolv.conf`, "nameserver 10.77.0.53\n");
    try {
      const flags = ["--dual-stack", "--redirect-dns", "--compat", "fixed", "--output", "json"];
      const { options } = JSON.parse((await call(...flags)).stdout) as { options: { ipv6: boolean; dns: unknown } };
      expect(options).toMatchObject({ ipv6: true, dns: { kind: "servers", ipv4: ["10.77.0.53"] } });
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it("configure-routes adds only routes, and clean takes them away", async () => {
    await call("clean");
    const before = namespace.snapshot();
    const words = ["configure-routes", "-m", "TPROXY", "-b", "*", "--compat", "fixed"];
    expect((await call(...words, "-n")).stdout).toBe(
      "ip -4 rule add fwmark 1337 lookup 133\nip -4 route add local default dev lo table 133\n",
    );
    expect(namespace.snapshot()).toBe(before);
    for (let i = 0; i < 2; i++) expect((await call(...words)).code).toBe(0);
    expect((await call(...words, "-n")).stdout).toBe("");
    expect(namespace.snapshot()).toContain("fwmark 0x539 lookup 133");
    expect(namespace.snapshot()).not.toContain("ISTIO_");
    expect((await call("clean")).code).toBe(0);
    expect(namespace.snapshot()).toBe(before);
  });

  it("doctor tries what the rules need and says which back ends hold rules", async () => {
    apply(true);
    const flags = [...FLAGS, "-m", "TPROXY", "--redirect-dns", "--capture-all-dns"];
    const native = await call("doctor", ...flags, "--native-nftables");
    expect(native.stdout).toContain("ok      nft table istio-proxy-mangle");
    expect(native.stdout).toContain("rules of ours in: native nft\n");
    expect(native.code).toBe(0);
    applySettings(WANTED, "strict", () => {}, namespace.runner);
    const both = await call("doctor", ...flags);
    expect(both.stdout).toContain("ok      iptables-nft-restore -j TPROXY");
    expect(both.stdout).toContain("rules of ours in: iptables-nft, native nft; each rewrites");
    expect(both.code).toBe(1);
  });

  it("a probe that does not arrive says which way it went through the rules in force", async () => {
    apply(false, { inboundPorts: "" });
    const log: string[] = [];
    const settings = { ...WANTED, envoyPort: "0", inboundCapturePort: "0", probeTimeoutMs: 10 };
    await expect(probe(settings, (_level, text) => log.push(text), namespace.runner)).rejects.toThrow("timeout");
    const text = log.join("\n");
    expect(text).toContain("what user 0 sends to 127.0.0.6 is not captured");
    expect(text).toContain("-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN");
    expect(text).toContain("untouched");
  });
});
