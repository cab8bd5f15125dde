/**
 * The kernel as a peer: random options are loaded in namespaces that exist for one case only, and what the kernel prints back must be what
 * was generated. The real istio-iptables was recorded once, into the conformance suite `iptables_random`.
 */
import {
  compileSettings,
  DEFAULT_SETTINGS,
  generate,
  localRunner,
  parseIptablesSave,
  parseNftJson,
  renderNftables,
  renderRestore,
  type Settings,
  verifyNative,
  verifyRules,
} from "@weftmesh/iptables-gen";
import type { Peer, PeerOptions, PeerResult } from "./peer.js";

/** What the main program runs. */
export const peer: Peer = {
  name: "iptables",
  requires: ["netns"],
  run: (options) => Promise.resolve(compare(options)),
};

function compare({ cases, seed, log }: PeerOptions): PeerResult {
  const random = generator(seed);
  let passed = 0;
  let failed = 0;
  for (let i = 0; i < cases; i++) {
    const settings = randomSettings(random);
    for (const native of [false, true]) {
      const differences = native ? inNft(settings) : inIptables(settings);
      if (differences.length === 0) passed++;
      else {
        failed++;
        log(
          `case ${i} of seed ${seed}, ${native ? "nft" : "iptables"}: ${JSON.stringify(differences[0])} ${JSON.stringify(settings)}`,
        );
      }
    }
  }
  return { passed, failed };
}

function inIptables(settings: Settings): readonly unknown[] {
  const rules = generate(compileSettings(settings, "fixed").options);
  const load = (family: "ipv4" | "ipv6") => {
    const stdin = renderRestore(rules, family);
    if (stdin === "") return [];
    const binary = family === "ipv4" ? "iptables-nft" : "ip6tables-nft";
    return parseIptablesSave(inOwnNamespace(`${binary}-restore --noflush && ${binary}-save`, stdin), family);
  };
  return verifyRules({ ipv4: load("ipv4"), ipv6: load("ipv6") }, rules);
}

function inNft(settings: Settings): readonly unknown[] {
  const rules = generate(compileSettings(settings, "fixed").options);
  return verifyNative(parseNftJson(inOwnNamespace("nft -f - && nft -j list ruleset", renderNftables(rules))), rules);
}

function inOwnNamespace(script: string, stdin: string): string {
  const { exitCode, stdout, stderr } = localRunner.run({
    program: "unshare",
    args: ["--net", "sh", "-c", script],
    stdin,
  });
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
}

type Random = () => number;

/** A small generator of numbers in [0, 1): same seed, same cases. */
function generator(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomSettings(random: Random): Settings {
  const below = (limit: number): number => Math.floor(random() * limit);
  const list = (most: number, item: () => string): string =>
    [...new Set(Array.from({ length: below(most + 1) }, item))].join(",");
  const port = (): string => String(1 + below(65_535));
  const range = (): string =>
    random() < 0.6
      ? `${1 + below(223)}.${below(256)}.${below(256)}.${below(256)}/${1 + below(32)}`
      : `fd00:${below(65_536).toString(16)}::${below(65_536).toString(16)}/${16 + below(113)}`;
  const id = (): string => String(below(70_000));
  const flag = (): boolean => random() < 0.5;
  return {
    ...DEFAULT_SETTINGS,
    inboundPorts: flag() ? "*" : list(4, port),
    localExcludePorts: list(3, port),
    outboundPorts: list(3, port),
    localOutboundPortsExclude: list(3, port),
    serviceCidr: flag() ? "*" : list(4, range),
    serviceExcludeCidr: list(3, range),
    proxyUid: list(2, id) || "1337",
    proxyGid: list(2, id) || "1337",
    outboundOwnerGroups: random() < 0.7 ? "*" : list(60, id) || "0",
    excludeInterfaces: list(2, () => `net${below(3)}`),
    kubeVirtInterfaces: list(2, () => `vnet${below(3)}`),
    inboundInterceptionMode: flag() ? "TPROXY" : "REDIRECT",
    dropInvalid: flag(),
    redirectDns: flag(),
    captureAllDns: flag(),
    dnsServersV4: flag() ? ["10.96.0.10"] : [],
    dnsServersV6: flag() ? ["fd00::a"] : [],
    ipv6: flag(),
  };
}
