import {
  applySettings,
  cleanMachine,
  compileSettings,
  DEFAULT_SETTINGS,
  type Family,
  generate,
  localRunner,
  parseIptablesSave,
  parseNftJson,
  perform,
  renderRestore,
  renderScript,
  type SavedTable,
  type Settings,
  verifyNative,
  verifyRules,
} from "@weftmesh/iptables-gen";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeNamespace, type Namespace, noNamespaces } from "./namespace.js";

// Detection has tests of its own; here it would be most of the time.
const BASE: Partial<Settings> = { forceIptablesBinary: "nft", proxyUid: "1337", proxyGid: "1337", hostIp: "10.77.0.1" };

/** Feature by feature; crossed with interception modes, back ends and families below. */
const FEATURES: Readonly<Record<string, Partial<Settings>>> = {
  nothing: {},
  everything: { inboundPorts: "*", serviceCidr: "*" },
  injected: { inboundPorts: "*", serviceCidr: "*", localExcludePorts: "15090,15021,15020" },
  ports: { inboundPorts: "80,8080,9000", outboundPorts: "443,3306", localOutboundPortsExclude: "22,53" },
  ranges: { serviceCidr: "10.1.2.3/8,172.16.0.0/12,fd00::/8", serviceExcludeCidr: "10.96.0.0/16,fd99::/64" },
  interfaces: {
    inboundPorts: "*",
    serviceCidr: "*",
    excludeInterfaces: "net1,net2",
    kubeVirtInterfaces: "vnet0,vnet1",
  },
  "dns to all": { serviceCidr: "*", redirectDns: true, captureAllDns: true },
  "dns to servers": { serviceCidr: "*", redirectDns: true, dnsServersV4: ["10.96.0.10"], dnsServersV6: ["fd00::a"] },
  "several proxies": { serviceCidr: "*", inboundPorts: "*", proxyUid: "1337,1338", proxyGid: "1337,2000" },
  "group list": { serviceCidr: "*", outboundOwnerGroups: "1000,1001,1002" },
  "many groups": { serviceCidr: "*", outboundOwnerGroups: Array.from({ length: 60 }, (_, i) => 3000 + i).join(",") },
  "groups excluded": { serviceCidr: "*", outboundOwnerGroupsExclude: "2000,2001" },
  "invalid dropped": { inboundPorts: "*", dropInvalid: true },
  "loopback wanted": { serviceCidr: "127.0.0.1/32", inboundPorts: "*" },
  "wide loopback": { serviceCidr: "*", inboundPorts: "*", ipv4LoopbackCidr: "127.0.0.0/8" },
};

const SETS = Object.entries(FEATURES).flatMap(([feature, settings]) =>
  (["REDIRECT", "TPROXY"] as const).flatMap((mode) =>
    [false, true].map((ipv6) => ({
      feature,
      mode,
      ipv6,
      settings: { ...settings, inboundInterceptionMode: mode, ipv6 },
    })),
  ),
);

function settingsOf(settings: Partial<Settings>): Settings {
  return { ...DEFAULT_SETTINGS, ...BASE, ...settings };
}

function differences(namespace: Namespace, settings: Settings): readonly unknown[] {
  const rules = generate(compileSettings(settings, "fixed").options);
  const read = (program: string, ...args: string[]): string => namespace.runner.run({ program, args }).stdout;
  if (settings.nativeNftables) return verifyNative(parseNftJson(read("nft", "-j", "list", "ruleset")), rules);
  const saved = (family: Family, program: string) => parseIptablesSave(read(program), family);
  return verifyRules({ ipv4: saved("ipv4", "iptables-nft-save"), ipv6: saved("ipv6", "ip6tables-nft-save") }, rules);
}

describe.skipIf(noNamespaces !== undefined)(`in a kernel (${noNamespaces ?? "namespaces made by the test"})`, () => {
  it.each([false, true])(
    "native %s: every flag set applies, is found again, applies twice unchanged and is removed wholly",
    (native) => {
      using namespace = makeNamespace();
      const before = namespace.snapshot();
      expect(SETS.length).toBeGreaterThanOrEqual(60);
      for (const { feature, mode, settings } of SETS) {
        const wanted = settingsOf({ ...settings, nativeNftables: native });
        const name = `${feature}, ${mode}, IPv6 ${wanted.ipv6}`;
        applySettings(wanted, "fixed", () => {}, namespace.runner);
        expect(differences(namespace, wanted), name).toEqual([]);
        const once = namespace.snapshot();
        applySettings(wanted, "fixed", () => {}, namespace.runner);
        expect(namespace.snapshot(), name).toBe(once);
        const { options } = compileSettings(wanted, "fixed");
        perform(cleanMachine(generate(options)), namespace.runner, () => {});
        expect(namespace.snapshot(), name).toBe(before);
      }
    },
    240_000,
  );

  it("a changed configuration is exchanged in place, and no rule of the old one stays", () => {
    using namespace = makeNamespace();
    const first = settingsOf({
      inboundPorts: "*",
      serviceCidr: "*",
      excludeInterfaces: "net1",
      redirectDns: true,
      captureAllDns: true,
    });
    const second = settingsOf({ inboundPorts: "80", kubeVirtInterfaces: "vnet0", serviceCidr: "10.0.0.0/8" });
    applySettings(first, "fixed", () => {}, namespace.runner);
    namespace.runner.run({
      program: "iptables-nft",
      args: ["-t", "nat", "-A", "ISTIO_INBOUND", "-p", "tcp", "-j", "ACCEPT"],
    });
    applySettings(second, "fixed", () => {}, namespace.runner);
    expect(differences(namespace, second)).toEqual([]);
    expect(namespace.snapshot()).not.toContain("net1");
  });

  it.each([false, true])("the generated script applies, applies again and takes all back, native %s", (native) => {
    using namespace = makeNamespace();
    const wanted = settingsOf({
      inboundPorts: "*",
      serviceCidr: "*",
      inboundInterceptionMode: "TPROXY",
      ipv6: true,
      kubeVirtInterfaces: "vnet0",
      redirectDns: true,
      captureAllDns: true,
      nativeNftables: native,
    });
    const script = renderScript(generate(compileSettings(wanted, "fixed").options), { native });
    const sh = (word: string) => namespace.runner.run({ program: "sh", args: ["-s", "--", word], stdin: script });
    // The first look into a table makes it, and the script leaves it empty.
    sh("undo");
    const before = rulesOnly(namespace);
    for (let i = 0; i < 2; i++) {
      expect(sh("apply")).toMatchObject({ exitCode: 0, stderr: "" });
      expect(differences(namespace, wanted)).toEqual([]);
    }
    expect(sh("undo")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(rulesOnly(namespace)).toBe(before);
  });

  it("a failing step takes the steps before it back", () => {
    using namespace = makeNamespace();
    const wanted = settingsOf({ inboundPorts: "*", serviceCidr: "*", ipv6: true });
    const broken = {
      run: (command: Parameters<typeof namespace.runner.run>[0]) =>
        command.program === "ip6tables-nft-restore"
          ? { exitCode: 1, stdout: "", stderr: "no\n" }
          : namespace.runner.run(command),
    };
    expect(() => applySettings(wanted, "fixed", () => {}, broken)).toThrow("ip6tables-nft-restore: no");
    expect(namespace.snapshot()).not.toContain("ISTIO_");
  });

  it("strict in legacy and nft leaves what fixed cleans up", () => {
    using namespace = makeNamespace();
    for (const forceIptablesBinary of ["legacy", "nft"]) {
      applySettings(settingsOf({ inboundPorts: "*", forceIptablesBinary }), "strict", () => {}, namespace.runner);
    }
    perform(cleanMachine(generate(compileSettings(settingsOf({}), "fixed").options)), namespace.runner, () => {});
    expect(namespace.snapshot()).not.toContain("ISTIO_");
  });

  it("random options: generate, load, save, parse, equal (500 runs)", () => {
    const port = fc.integer({ min: 1, max: 65535 }).map(String);
    const ports = fc.uniqueArray(port, { maxLength: 4 }).map((list) => list.join(","));
    const range = fc.oneof(
      fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`),
      fc
        .tuple(fc.integer({ min: 0, max: 65535 }), fc.integer({ min: 16, max: 128 }))
        .map(([n, bits]) => `fd00:${n.toString(16)}::/${bits}`),
    );
    const ranges = fc.uniqueArray(range, { maxLength: 3 }).map((list) => list.join(","));
    const ids = fc
      .uniqueArray(fc.integer({ min: 0, max: 70_000 }).map(String), { minLength: 1, maxLength: 3 })
      .map((list) => list.join(","));
    const names = fc
      .uniqueArray(fc.constantFrom("eth7", "net1", "br-0", "v.1"), { maxLength: 2 })
      .map((list) => list.join(","));
    const random = fc.record({
      inboundPorts: fc.oneof(fc.constant("*"), ports),
      localExcludePorts: ports,
      outboundPorts: ports,
      localOutboundPortsExclude: ports,
      serviceCidr: fc.oneof(fc.constant("*"), ranges),
      serviceExcludeCidr: ranges,
      proxyUid: ids,
      proxyGid: ids,
      excludeInterfaces: names,
      kubeVirtInterfaces: names,
      inboundInterceptionMode: fc.constantFrom("REDIRECT", "TPROXY"),
      dropInvalid: fc.boolean(),
      redirectDns: fc.boolean(),
      captureAllDns: fc.boolean(),
      ipv6: fc.boolean(),
    });
    fc.assert(
      fc.property(random, (settings) => {
        const rules = generate(compileSettings(settingsOf(settings), "fixed").options);
        expect(verifyRules(loadAndSave(renderRestore(rules, "ipv4"), renderRestore(rules, "ipv6")), rules)).toEqual([]);
      }),
      { numRuns: 500, seed: 20260822 },
    );
  }, 240_000);
});

/** A snapshot without empty tables and chains. */
function rulesOnly(namespace: Namespace): string {
  const lines = namespace.snapshot().split("\n");
  return lines
    .filter((line) => /^-A|^\d+:|inet6|^local|^(?:un|br|mul)|dev /.test(line) || line.includes("istio"))
    .join("\n");
}

/** Loads restore texts in a namespace that exists for this call only, and reads what the kernel prints back. */
function loadAndSave(ipv4: string, ipv6: string): Readonly<Record<Family, readonly SavedTable[]>> {
  const restore = (program: string, text: string): string => `${program}-restore --noflush <<'EOF'\n${text}EOF\n`;
  const script = `set -e\n${restore("iptables-nft", ipv4)}${restore("ip6tables-nft", ipv6)}`;
  const { exitCode, stdout, stderr } = localRunner.run({
    program: "unshare",
    args: ["--net", "sh"],
    stdin: `${script}iptables-nft-save\necho "${MIDDLE}"\nip6tables-nft-save\n`,
  });
  if (exitCode !== 0) throw new Error(stderr);
  const [first = "", second = ""] = stdout.split(`${MIDDLE}\n`);
  return { ipv4: parseIptablesSave(first, "ipv4"), ipv6: parseIptablesSave(second, "ipv6") };
}

const MIDDLE = "-- IPv6 --";
