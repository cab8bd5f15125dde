import { describe, expect, it } from "vitest";
import { main } from "../../packages/iptables-gen/src/cli/main.js";

async function call(argv: readonly string[], env: Record<string, string> = {}) {
  let stdout = "";
  const write = (text: string): void => {
    stdout += text;
  };
  const code = await main({ name: "weft-iptables", argv: [...argv], env, stdout: write, stderr: () => {} });
  return { code, stdout };
}

const HOST = ["--host-ip", "10.0.0.5/24"];
const SIX = ["--host-ip", "fd00::5/64"];

/** Defects by their number in the list of the original's, and conflicts people report; the flags that bring each about. */
const FOUND: readonly {
  readonly rule: string;
  readonly argv: readonly string[];
  readonly env?: Record<string, string>;
  readonly stays?: true;
}[] = [
  {
    rule: "too-many-groups",
    argv: HOST,
    env: { ISTIO_OUTBOUND_OWNER_GROUPS: Array.from({ length: 50 }, (_, i) => i).join(",") },
  },
  { rule: "several-proxies", argv: ["-u", "1337,1338", ...HOST] },
  { rule: "loopback-hides-probe", argv: HOST, env: { ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: "127.0.0.0/8" } },
  { rule: "tunnel-captured", argv: ["-m", "TPROXY", "-b", "*", ...HOST] },
  { rule: "gid-redirects-dns", argv: ["--redirect-dns", "--capture-all-dns", ...HOST] },
  { rule: "routes-left", argv: SIX },
  { rule: "routes-left", argv: ["-m", "TPROXY", "-b", "80", ...HOST] },
  { rule: "chains-left", argv: ["--cleanup-only", ...HOST] },
  { rule: "reconcile-drops-traffic", argv: ["--reconcile", ...HOST] },
  { rule: "variant-flips", argv: ["--all", ...HOST] },
  { rule: "dry-run-applies", argv: ["-n", "--native-nftables", ...HOST] },
  { rule: "nft-captures-ipv6", argv: ["--native-nftables", ...HOST] },
  { rule: "nobody-captured", argv: HOST, env: { ISTIO_OUTBOUND_OWNER_GROUPS: "" } },
  { rule: "exclude-without-wildcard", argv: ["-b", "80", "-d", "90", ...HOST] },
  {
    rule: "excluded-groups-ignored",
    argv: HOST,
    env: { ISTIO_OUTBOUND_OWNER_GROUPS: "1", ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE: "2" },
  },
  { rule: "jump-appended", argv: ["--all", ...HOST] },
  { rule: "validation-shallow", argv: ["--all", ...HOST], stays: true },
  { rule: "range-in-nft", argv: ["--native-nftables", "-o", "8000:8010", ...HOST] },
  { rule: "pattern-in-nft", argv: ["--native-nftables", "-k", "vnet+", ...HOST] },
  { rule: "application-is-proxy", argv: ["--app-uid", "1337", ...HOST], stays: true },
  { rule: "proxy-port-excluded", argv: ["-o", "15001", ...HOST], stays: true },
  { rule: "tproxy-beats-virtual-interface", argv: ["-m", "TPROXY", "-b", "*", "-k", "vnet0", ...HOST], stays: true },
  { rule: "tproxy-keeps-replies", argv: ["-m", "TPROXY", "-b", "*", "-c", "vnet0", ...HOST], stays: true },
  { rule: "invalid-value", argv: ["-c", "a;b", ...HOST], stays: true },
];

describe("lint", () => {
  it.each(FOUND)("finds $rule for $argv", async ({ rule, argv, env, stays }) => {
    const { code, stdout } = await call(["lint", ...argv], env);
    expect(code).toBe(1);
    expect(stdout).toContain(`(${rule})`);
    expect(
      stdout
        .split("\n")
        .find((line) => line.includes(`(${rule})`))
        ?.includes("mended"),
    ).toBe(stays !== true);
    const fixed = await call(["lint", "--compat", "fixed", ...argv], env);
    expect(fixed.stdout.includes(`(${rule})`)).toBe(stays === true);
  });

  it("finds nothing wrong with what an injected pod gets", async () => {
    expect(await call(["lint", "-b", "*", "-i", "*", "-d", "15090,15021", ...HOST])).toEqual({ code: 0, stdout: "" });
  });
});

describe("diff", () => {
  it.each([
    { what: "an excluded range", second: ["-x", "10.9.0.0/16"], line: "to 10.9.255.255:53: redirect to 15001 -> sent" },
    {
      what: "an excluded interface",
      second: ["-c", "net1"],
      line: "in by net1 to 198.18.0.1:53: redirect to 15006 ->",
    },
    {
      what: "a virtual interface",
      second: ["-k", "vnet0"],
      line: "in by vnet0 to 198.51.100.7:15008: sent -> redirect to 15001",
    },
    { what: "TPROXY", second: ["-m", "TPROXY"], line: "redirect to 15006 -> tproxy to 15006" },
    { what: "an excluded port", second: ["-o", "5432"], line: ":5432: redirect to 15001 -> sent" },
    { what: "another proxy", second: ["-u", "1400"], line: "from uid 1400 gid 1400" },
    {
      what: "native rules, which see IPv6",
      second: ["--native-nftables"],
      line: "2001:db8:7::7]:53: sent -> redirect to 15001",
    },
    {
      what: "captured DNS",
      second: ["--redirect-dns", "--capture-all-dns"],
      line: "udp from uid 1000 gid 1000 to 198.51.100.7:53: sent -> redirect to 15053",
    },
  ])("shows a witness packet for $what", async ({ second, line }) => {
    const base = ["-b", "*", "-i", "*", ...HOST];
    const { code, stdout } = await call(["diff", ...base, "---", ...base, ...second]);
    expect(code).toBe(1);
    expect(stdout).toContain(line);
  });
});
