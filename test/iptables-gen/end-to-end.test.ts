import type { Settings } from "@weftmesh/iptables-gen";
import { applySettings, compileSettings, createWalker, DEFAULT_SETTINGS, generate } from "@weftmesh/iptables-gen";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noNamespaces } from "./namespace.js";
import {
  contradiction,
  isLost,
  makePod,
  POD,
  PORTS,
  type Pod,
  packetOf,
  SENDERS,
  type SenderName,
  startListeners,
  type Target,
} from "./pod.js";

const BASE: Partial<Settings> = { forceIptablesBinary: "nft", proxyUid: "1337", proxyGid: "1337", hostIp: "10.77.0.1" };
const ALL: Partial<Settings> = { inboundPorts: "*", serviceCidr: "*" };
const TPROXY: Partial<Settings> = { ...ALL, inboundInterceptionMode: "TPROXY" };
const DNS: Partial<Settings> = { serviceCidr: "*", redirectDns: true };

const SETS: Readonly<Record<string, Partial<Settings>>> = {
  injected: { ...ALL, localExcludePorts: "15021" },
  "dual stack": { ...ALL, ipv6: true },
  ranges: { inboundPorts: "80,8080", serviceCidr: "10.77.0.0/24,fd77::/64", ipv6: true },
  "ranges excluded": { ...ALL, serviceExcludeCidr: "10.77.0.2/32,fd77::2/128", ipv6: true },
  ports: { outboundPorts: "80,443", localOutboundPortsExclude: "8080,53" },
  "group list": { serviceCidr: "*", outboundOwnerGroups: "1000" },
  "groups excluded": { ...ALL, outboundOwnerGroupsExclude: "2000", ipv6: true },
  "several proxies": { ...ALL, proxyUid: "1336,1337", proxyGid: "1336,1337" },
  "wide loopback": { ...ALL, ipv4LoopbackCidr: "127.0.0.0/8" },
  TPROXY: { ...TPROXY, localExcludePorts: "15021" },
  "TPROXY, dual stack": { ...TPROXY, ipv6: true },
  "TPROXY, ports": { ...TPROXY, inboundPorts: "80,9000", ipv6: true },
  "TPROXY, DNS, invalid dropped": { ...TPROXY, ...DNS, captureAllDns: true, dropInvalid: true, ipv6: true },
  "all DNS": { ...DNS, captureAllDns: true },
  "all DNS, dual stack": { ...ALL, ...DNS, captureAllDns: true, ipv6: true },
  "DNS to servers": { ...DNS, dnsServersV4: ["10.77.0.2"], dnsServersV6: ["fd77::2"], ipv6: true },
  "DNS to a server of one family": { ...DNS, dnsServersV4: ["10.77.0.2"] },
  "virtual interface": { ...ALL, kubeVirtInterfaces: "vnet0" },
  "virtual interface, ranges": {
    inboundPorts: "*",
    serviceCidr: "10.77.0.2/32,fd77::2/128",
    kubeVirtInterfaces: "vnet0",
    ipv6: true,
  },
  "virtual interface, TPROXY": { ...TPROXY, kubeVirtInterfaces: "vnet0", ipv6: true },
  "interface excluded": { ...ALL, excludeInterfaces: "vnet0", ipv6: true },
  "interface excluded, TPROXY": { ...TPROXY, excludeInterfaces: "vnet0" },
};

/** Where packets fare otherwise in strict. The recorded captures of the real program have every connection in strict. */
const DEFECTIVE: ReadonlySet<string> = new Set([
  "several proxies",
  "wide loopback",
  "TPROXY",
  "TPROXY, DNS, invalid dropped",
  "DNS to a server of one family",
]);

const to = (hosts: readonly string[]): readonly Target[] => [
  ...hosts.flatMap((host) => PORTS.map((port): Target => ["tcp", host, port])),
  ...hosts.filter((host) => !host.includes("78")).map((host): Target => ["udp", host, 53]),
];
const FROM_POD: readonly Target[] = [
  ...to(["10.77.0.2", "fd77::2", "10.77.0.1", "fd77::1", "127.0.0.1"]),
  // The proxy speaks to its own application from here.
  ["tcp", "10.77.0.1", 8080, "127.0.0.6"],
  // The validation probe's way.
  ["tcp", "127.0.0.6", 8080, "127.0.0.1"],
];
const TARGETS: Readonly<Record<string, readonly Target[]>> = {
  pod: FROM_POD,
  peer: to(["10.77.0.1", "fd77::1"]),
  vm: to(["10.77.0.2", "fd77::2", "10.77.0.1", "10.78.0.1"]),
};

describe.skipIf(noNamespaces !== undefined)(
  `real connections (${noNamespaces ?? "in namespaces made by the test"})`,
  () => {
    let pod: Pod;
    beforeAll(async () => {
      pod = await makePod();
      await startListeners(pod);
    }, 60_000);
    afterAll(() => pod[Symbol.dispose]());
    let connections = 0;

    it.each(Object.entries(SETS))(
      "%s: each lands where the walk says, on both back ends",
      async (name, settings) => {
        const wrong: string[] = [];
        for (const compat of DEFECTIVE.has(name) ? (["fixed", "strict"] as const) : (["fixed"] as const)) {
          for (const nativeNftables of [false, true]) {
            const wanted: Settings = { ...DEFAULT_SETTINGS, ...BASE, ...settings, nativeNftables };
            // In fixed, exchanging the rules takes those of the other back end away; strict would add to them.
            if (compat === "strict") {
              applySettings({ ...wanted, cleanupOnly: true }, "fixed", () => {}, pod.namespace.runner);
            }
            applySettings(wanted, compat, () => {}, pod.namespace.runner);
            const result = await connectAll(pod, wanted, compat);
            connections += result.count;
            wrong.push(...result.wrong.map((line) => `native ${nativeNftables}, ${compat}: ${line}`));
          }
        }
        applySettings({ ...DEFAULT_SETTINGS, ...BASE, cleanupOnly: true }, "fixed", () => {}, pod.namespace.runner);
        expect(wrong).toEqual([]);
      },
      60_000,
    );

    it("2,000 and more were made", () => {
      expect(connections).toBeGreaterThanOrEqual(2000);
    });
  },
);

/** Connects as everybody to everything, and compares with the walk. */
async function connectAll(pod: Pod, wanted: Settings, compat: "strict" | "fixed") {
  const rules = generate(compileSettings(wanted, compat).options);
  const walker = createWalker({ rules, backend: wanted.nativeNftables ? "nftables" : "iptables" }, POD);
  const wrong: string[] = [];
  let count = 0;
  await Promise.all(
    (Object.keys(SENDERS) as SenderName[]).map(async (name) => {
      const targets = TARGETS[SENDERS[name].at] ?? [];
      const verdicts = targets.map((target) => walker.walk(packetOf(SENDERS[name], target)));
      const lost = verdicts.map(isLost);
      const answers = await pod.connect(name, targets, (i) => lost[i] === true);
      for (const [i, target] of targets.entries()) {
        count++;
        const verdict = verdicts[i];
        const found = verdict === undefined ? undefined : contradiction(verdict, answers[i] ?? []);
        if (found !== undefined) wrong.push(`${name} to ${target.join(" ")}: ${found}`);
      }
    }),
  );
  return { count, wrong };
}
