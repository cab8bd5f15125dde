import { spawnSync } from "node:child_process";
import {
  checkOptions,
  compileSettings,
  DEFAULT_SETTINGS,
  generate,
  IptablesError,
  readFlags,
  renderRestore,
  renderScript,
  type Settings,
} from "@weftmesh/iptables-gen";
import { describe, expect, it } from "vitest";

const VALUES = [
  "a b",
  'a"b',
  "a'b",
  "a;b",
  "$(reboot)",
  "`reboot`",
  "a\nCOMMIT\n*nat",
  "-j ACCEPT",
  "x".repeat(300),
  "a|b",
  "a&b",
];
const FLAGS: readonly (readonly [keyof Settings, string])[] = [
  ["excludeInterfaces", "--istio-exclude-interfaces"],
  ["kubeVirtInterfaces", "--kube-virt-interfaces"],
  ["outboundPorts", "--istio-outbound-ports"],
  ["inboundTproxyMark", "--istio-inbound-tproxy-mark"],
  ["proxyUid", "--proxy-uid"],
  ["envoyPort", "--envoy-port"],
  ["inboundCapturePort", "--inbound-capture-port"],
  ["inboundTunnelPort", "--inbound-tunnel-port"],
  ["proxyGid", "--proxy-gid"],
  ["inboundPorts", "--istio-inbound-ports"],
  ["localExcludePorts", "--istio-local-exclude-ports"],
  ["localOutboundPortsExclude", "--istio-local-outbound-ports-exclude"],
  ["inboundTproxyRouteTable", "--istio-inbound-tproxy-route-table"],
  ["outboundOwnerGroups", "ISTIO_OUTBOUND_OWNER_GROUPS"],
];

function optionsWith(field: keyof Settings, value: string) {
  const settings = { ...DEFAULT_SETTINGS, proxyUid: "1337", proxyGid: "1337", [field]: value };
  return compileSettings(settings, "fixed").options;
}

describe("hostile values", () => {
  it.each(FLAGS.flatMap(([field, flag]) => VALUES.map((value) => ({ field, flag, value }))))(
    "$flag=$value is refused by name and never reaches a script",
    ({ field, flag, value }) => {
      const options = optionsWith(field, value);
      expect(checkOptions(options).map(({ path }) => path)).toContain(flag);
      expect(() => renderScript(generate(options))).toThrow(IptablesError);
    },
  );

  it.each(VALUES)("a range %j is refused by name", (value) => {
    for (const [field, flag] of [
      ["serviceCidr", "--istio-service-cidr"],
      ["serviceExcludeCidr", "--istio-service-exclude-cidr"],
    ] as const) {
      expect(() => optionsWith(field, value)).toThrow(
        expect.objectContaining({ code: "ERR_IPTABLES_CIDR", path: flag }),
      );
    }
  });

  it("strict passes a value through as the original does", () => {
    const { settings } = readFlags(["-c", "a;b"], {}, { compat: "strict" });
    const text = renderRestore(generate(compileSettings(settings, "strict").options), "ipv4");
    expect(text).toContain("-A PREROUTING -i a;b -j RETURN");
  });

  it("10,000 ports make 10,000 rules", () => {
    const ports = Array.from({ length: 10_000 }, (_, i) => i + 1).join(",");
    const text = renderRestore(generate(optionsWith("inboundPorts", ports)), "ipv4");
    expect(text.match(/^-A ISTIO_INBOUND .* -j ISTIO_IN_REDIRECT$/gm)).toHaveLength(10_000);
  });

  it("an option named like a property of Object is unknown", () => {
    expect(() => readFlags(["--__proto__=1"], {}, { compat: "strict" })).toThrow("unknown flag: --__proto__");
  });
});

const shellcheck = spawnSync("shellcheck", ["--version"]).status === 0;

describe("the generated script", () => {
  const tproxy = {
    inboundPorts: "*",
    serviceCidr: "*",
    inboundInterceptionMode: "TPROXY",
    ipv6: true,
    redirectDns: true,
    captureAllDns: true,
  };
  const settings = { ...DEFAULT_SETTINGS, ...tproxy, proxyUid: "1337", proxyGid: "1337", kubeVirtInterfaces: "vnet0" };
  const rules = generate(compileSettings(settings, "fixed").options);

  const plain = { ...settings, inboundInterceptionMode: "REDIRECT", ipv6: false, excludeInterfaces: "net1" };
  const named = { ...plain, proxyUid: "istio-proxy", outboundOwnerGroups: "app,sshd", outboundPorts: "8000:8010,http" };

  it
    .skipIf(!shellcheck)
    .each([settings, plain, named].flatMap((one) => [false, true].map((native) => ({ native, one }))))(
    "passes shellcheck, native $native, $one (skipped where shellcheck is missing)",
    ({ native, one }) => {
      const script = renderScript(generate(compileSettings(one, "fixed").options), { native });
      expect(spawnSync("shellcheck", ["-s", "sh", "-"], { input: script, encoding: "utf8" }).stdout).toBe("");
    },
  );

  it("says of each rule why it is there", () => {
    const text = renderScript(rules);
    expect(text).toContain("# Every other destination is captured.\n-A ISTIO_OUTPUT -j ISTIO_REDIRECT");
    expect(spawnSync("sh", ["-n"], { input: text }).status).toBe(0);
  });
});
