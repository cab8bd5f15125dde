import type { Rule, Table } from "./rule.js";

/** Chains this package creates. */
export const CHAIN = {
  inbound: "ISTIO_INBOUND",
  redirect: "ISTIO_REDIRECT",
  inRedirect: "ISTIO_IN_REDIRECT",
  output: "ISTIO_OUTPUT",
  outputDns: "ISTIO_OUTPUT_DNS",
  outputGroups: "ISTIO_OUTPUT_GROUPS",
  divert: "ISTIO_DIVERT",
  tproxy: "ISTIO_TPROXY",
  drop: "ISTIO_DROP",
} as const;

/** What the name of every chain of ours starts with. */
export const CHAIN_PREFIX = "ISTIO_";

/** Port on which the agent answers captured DNS queries. Not configurable, as in istio-iptables. */
export const DNS_PORT = "15053";

/** Mark of connections the proxy opens to its own pod, in TPROXY mode. Not configurable, as in istio-iptables. */
export const OUTBOUND_MARK = "1338";

/** Source address of connections the proxy opens to its own application; rules let them pass. */
export const PASSTHROUGH_SOURCE = { ipv4: "127.0.0.6/32", ipv6: "::6/128" } as const;

/** What `lo` answers on in IPv6; the IPv4 counterpart is an option. */
export const LOOPBACK_V6 = "::1/128";

const BUILT_IN: ReadonlySet<string> = new Set(["INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"]);

/** Whether the kernel owns the chain, so that nobody creates or removes it. */
export function isBuiltIn(chain: string): boolean {
  return BUILT_IN.has(chain);
}

/** A chain hooked into nft's packet path. */
export interface NftBaseChain {
  /** nft's chain type. */
  readonly type: "nat" | "filter" | "route";
  /** Where in the packet path. */
  readonly hook: "prerouting" | "output";
  /** Order among the chains of a hook, lowest first. */
  readonly priority: number;
}

/** A table of native nft rules. */
export interface NftTable {
  /** Our name of the table. */
  readonly table: Table;
  /** nft's name; the family is always `inet`. */
  readonly name: string;
  /** Chains in the order they are declared; iptables' spelling. */
  readonly chains: readonly string[];
  /** The hooked ones among the chains. */
  readonly base: Readonly<Record<"PREROUTING" | "OUTPUT", NftBaseChain>>;
}

/** The native tables, in the order a transaction has them. */
export const NFT_TABLES: readonly NftTable[] = [
  {
    table: "nat",
    name: "istio-proxy-nat",
    chains: [
      "PREROUTING",
      "OUTPUT",
      CHAIN.inbound,
      CHAIN.redirect,
      CHAIN.inRedirect,
      CHAIN.output,
      CHAIN.outputDns,
      CHAIN.outputGroups,
    ],
    base: {
      PREROUTING: { type: "nat", hook: "prerouting", priority: -100 },
      OUTPUT: { type: "nat", hook: "output", priority: -100 },
    },
  },
  {
    table: "mangle",
    name: "istio-proxy-mangle",
    chains: ["PREROUTING", "OUTPUT", CHAIN.divert, CHAIN.tproxy, CHAIN.inbound, CHAIN.drop],
    base: {
      PREROUTING: { type: "filter", hook: "prerouting", priority: -150 },
      // Only a chain of type route makes the kernel route a packet anew after its mark changed.
      OUTPUT: { type: "route", hook: "output", priority: -150 },
    },
  },
  {
    table: "raw",
    name: "istio-proxy-raw",
    chains: ["PREROUTING", "OUTPUT", CHAIN.inbound, CHAIN.outputDns],
    base: {
      PREROUTING: { type: "filter", hook: "prerouting", priority: -300 },
      OUTPUT: { type: "filter", hook: "output", priority: -300 },
    },
  },
];

/** nft's spelling of a chain: `ISTIO_IN_REDIRECT` is `istio-in-redirect`. */
export function nftChainName(chain: string): string {
  return chain.toLowerCase().replaceAll("_", "-");
}

/** Chains a list of rules needs, in the order iptables-restore is told about them: first by rule, then by jump. */
export function chainsToCreate(rules: readonly Rule[]): string[] {
  const chains = new Set<string>();
  for (const rule of rules) if (!isBuiltIn(rule.chain)) chains.add(rule.chain);
  for (const { target } of rules) {
    if ((target.kind === "jump" || target.kind === "goto") && !isBuiltIn(target.chain)) chains.add(target.chain);
  }
  return [...chains];
}
