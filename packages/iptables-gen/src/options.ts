import type { Cidr } from "./cidr.js";

/**
 * Which behaviour is reproduced.
 *
 * `strict` writes what istio-iptables writes, byte for byte, its known defects included; `fixed` mends them. The README lists
 * each difference. Default of the library: `fixed`; of the command line: `strict`.
 */
export type Compat = "strict" | "fixed";

/** Groups whose outgoing traffic is captured. */
export type OwnerGroups =
  | {
      /** Every group but these. */
      readonly kind: "all-except";
      /** Names or ids. */
      readonly groups: readonly string[];
    }
  | {
      /** These groups only. An empty list captures nobody. */
      readonly kind: "only";
      /** Names or ids. */
      readonly groups: readonly string[];
      /** Groups somebody excluded as well, which `strict` does not look at. */
      readonly ignored?: readonly string[];
    };

/** Which DNS queries go to the agent's port 15053. */
export type DnsCapture =
  | {
      /** None. */
      readonly kind: "off";
    }
  | {
      /** Whatever leaves for port 53. */
      readonly kind: "all";
    }
  | {
      /** Queries to these servers. */
      readonly kind: "servers";
      /** IPv4 addresses, without bits. */
      readonly ipv4: readonly string[];
      /** IPv6 addresses, without bits. */
      readonly ipv6: readonly string[];
    };

/**
 * What is captured and what is not: the typed form of istio-iptables' flags.
 *
 * Ports, marks and ids are text because the original passes what users type through to the kernel's tools (`8000:8010`, `http`).
 * {@link checkOptions} says what those tools would refuse.
 */
export interface Options {
  /** Which behaviour is reproduced. */
  readonly compat: Compat;
  /** Port outbound TCP is sent to. Default 15001. */
  readonly outboundPort: string;
  /** Port inbound TCP is sent to. Default 15006. */
  readonly inboundPort: string;
  /** HBONE port, never captured inbound. Default 15008. */
  readonly tunnelPort: string;
  /** Port the validation probe dials. Default 15002. */
  readonly probePort: string;
  /** Users whose traffic is never captured: the proxy. Default 1337. */
  readonly proxyUids: readonly string[];
  /** Groups whose traffic is never captured. Default: the users' ids. */
  readonly proxyGids: readonly string[];
  /** How inbound connections reach the proxy. Default `REDIRECT`. */
  readonly interception: "REDIRECT" | "TPROXY";
  /** Mark of TPROXY packets. Default 1337. */
  readonly tproxyMark: string;
  /** Routing table of TPROXY packets. Default 133. */
  readonly tproxyTable: string;
  /** Inbound ports to capture, `*` for all. Absent: no inbound capture at all. */
  readonly inboundPorts?: "*" | readonly string[];
  /** Inbound ports left alone. `strict`: only looked at when `inboundPorts` is `*`. */
  readonly inboundPortsExclude: readonly string[];
  /** Network interfaces left alone in both directions. */
  readonly excludeInterfaces: readonly string[];
  /** Virtual interfaces whose incoming traffic counts as outbound. */
  readonly virtualInterfaces: readonly string[];
  /** Destinations to capture, `*` for all. Default: none. */
  readonly outboundRanges: "*" | readonly Cidr[];
  /** Destinations left alone; they win over `outboundRanges` and `outboundPorts`. */
  readonly outboundRangesExclude: readonly Cidr[];
  /** Destination ports captured whatever the address, unless excluded. */
  readonly outboundPorts: readonly string[];
  /** Destination ports left alone, TCP and UDP; looked at first. */
  readonly outboundPortsExclude: readonly string[];
  /** Groups whose outgoing traffic is captured. Default: all. */
  readonly ownerGroups: OwnerGroups;
  /** DNS capture. Default off. */
  readonly dns: DnsCapture;
  /** Drop packets connection tracking calls INVALID. Default false. */
  readonly dropInvalid: boolean;
  /** Whether IPv6 rules are written. Default false. */
  readonly ipv6: boolean;
  /** IPv4 loopback range the application talks to itself on, `address/bits` within 127/8. Default `127.0.0.1/32`. */
  readonly loopback: string;
}

/** The options of a machine nobody configured, with the defects of the original mended: no capture in either direction. */
export const DEFAULT_OPTIONS: Options = {
  compat: "fixed",
  outboundPort: "15001",
  inboundPort: "15006",
  tunnelPort: "15008",
  probePort: "15002",
  proxyUids: ["1337"],
  proxyGids: ["1337"],
  interception: "REDIRECT",
  tproxyMark: "1337",
  tproxyTable: "133",
  inboundPortsExclude: [],
  excludeInterfaces: [],
  virtualInterfaces: [],
  outboundRanges: [],
  outboundRangesExclude: [],
  outboundPorts: [],
  outboundPortsExclude: [],
  ownerGroups: { kind: "all-except", groups: [] },
  dns: { kind: "off" },
  dropInvalid: false,
  ipv6: false,
  loopback: "127.0.0.1/32",
};
