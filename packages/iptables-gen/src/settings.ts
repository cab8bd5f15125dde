import { type Cidr, parseCidr } from "./cidr.js";
import { IptablesError } from "./errors.js";
import { goQuote } from "./go-text.js";
import type { Compat, DnsCapture, Options, OwnerGroups } from "./options.js";

/**
 * Flags and variables as they were given, plus what the host added: the original's configuration record.
 *
 * {@link compileSettings} turns it into {@link Options}. Text is kept as typed because the original prints it that way.
 */
export interface Settings {
  /** Port captured outbound TCP is sent to. */
  readonly envoyPort: string;
  /** Port captured inbound TCP is sent to. */
  readonly inboundCapturePort: string;
  /** HBONE port, never captured. */
  readonly inboundTunnelPort: string;
  /** Users never captured, comma separated; empty: the host decides. */
  readonly proxyUid: string;
  /** Groups never captured, comma separated; empty: the value of `proxyUid`. */
  readonly proxyGid: string;
  /** `TPROXY`, exactly; anything else is REDIRECT. */
  readonly inboundInterceptionMode: string;
  /** Mark of TPROXY packets, decimal. */
  readonly inboundTproxyMark: string;
  /** Routing table of TPROXY packets, decimal. */
  readonly inboundTproxyRouteTable: string;
  /** Inbound ports to capture: a list, `*` for all, empty for none. */
  readonly inboundPorts: string;
  /** Inbound ports left alone. */
  readonly localExcludePorts: string;
  /** Groups whose outgoing traffic is captured; `*` for all. */
  readonly outboundOwnerGroups: string;
  /** Groups whose outgoing traffic is left alone. */
  readonly outboundOwnerGroupsExclude: string;
  /** Destination ports captured whatever the address. */
  readonly outboundPorts: string;
  /** Destination ports left alone. */
  readonly localOutboundPortsExclude: string;
  /** Destinations to capture: CIDRs, `*` for all, empty for none. */
  readonly serviceCidr: string;
  /** Destinations left alone, as CIDRs. */
  readonly serviceExcludeCidr: string;
  /** Interfaces whose incoming traffic counts as outbound. */
  readonly kubeVirtInterfaces: string;
  /** Interfaces left alone in both directions. */
  readonly excludeInterfaces: string;
  /** Port the validation probe dials. */
  readonly iptablesProbePort: number;
  /** Milliseconds the validation probe tries. */
  readonly probeTimeoutMs: number;
  /** Say what would be run, run nothing. */
  readonly dryRun: boolean;
  /** Change neither rules nor routes. */
  readonly skipRuleApply: boolean;
  /** Check afterwards that the rules are in force. */
  readonly runValidation: boolean;
  /** Send DNS queries to the agent's port 15053. */
  readonly redirectDns: boolean;
  /** Drop packets that belong to no connection. */
  readonly dropInvalid: boolean;
  /** Capture every port 53 instead of resolv.conf's servers only. */
  readonly captureAllDns: boolean;
  /** Write IPv6 rules if the host has any usable IPv6 address. */
  readonly dualStack: boolean;
  /** Network namespace the rules belong to. */
  readonly networkNamespace: string;
  /** Run each command in mounts of its own. */
  readonly cniMode: boolean;
  /** Remove other rules of istio and apply anew. */
  readonly reconcile: boolean;
  /** Remove the rules, apply none. */
  readonly cleanupOnly: boolean;
  /** Apply even if the rules seem to be there. */
  readonly forceApply: boolean;
  /** Write nft rules instead of iptables rules. */
  readonly nativeNftables: boolean;
  /** `legacy`, `nft`, or empty to find out. */
  readonly forceIptablesBinary: string;
  /** What counts as loopback in IPv4. */
  readonly ipv4LoopbackCidr: string;
  /** From the host: whether IPv6 rules are written. */
  readonly ipv6: boolean;
  /** From the host: the address the validation probe's family follows. */
  readonly hostIp: string;
  /** From the host: IPv4 name servers, canonical. */
  readonly dnsServersV4: readonly string[];
  /** From the host: IPv6 name servers, canonical, zones kept. */
  readonly dnsServersV6: readonly string[];
}

/** What istio-iptables does without a flag, before the host is asked. */
export const DEFAULT_SETTINGS: Settings = {
  envoyPort: "15001",
  inboundCapturePort: "15006",
  inboundTunnelPort: "15008",
  proxyUid: "",
  proxyGid: "",
  inboundInterceptionMode: "",
  inboundTproxyMark: "1337",
  inboundTproxyRouteTable: "133",
  inboundPorts: "",
  localExcludePorts: "",
  outboundOwnerGroups: "*",
  outboundOwnerGroupsExclude: "",
  outboundPorts: "",
  localOutboundPortsExclude: "",
  serviceCidr: "",
  serviceExcludeCidr: "",
  kubeVirtInterfaces: "",
  excludeInterfaces: "",
  iptablesProbePort: 15002,
  probeTimeoutMs: 5000,
  dryRun: false,
  skipRuleApply: false,
  runValidation: false,
  redirectDns: false,
  dropInvalid: false,
  captureAllDns: false,
  dualStack: false,
  networkNamespace: "",
  cniMode: false,
  reconcile: false,
  cleanupOnly: false,
  forceApply: false,
  nativeNftables: false,
  forceIptablesBinary: "",
  ipv4LoopbackCidr: "127.0.0.1/32",
  ipv6: false,
  hostIp: "",
  dnsServersV4: [],
  dnsServersV6: [],
};

/** Most groups the original accepts in an include list. */
const MAX_OWNER_GROUPS = 64;

/** Comma-separated items: empty ones are dropped, nothing is trimmed. */
export function splitList(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}

/**
 * What the original checks before it does anything.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_OWNER_GROUPS`, `ERR_IPTABLES_BINARY`, `ERR_IPTABLES_LOOPBACK`.
 */
export function validateSettings(settings: Settings): void {
  const groups = splitList(settings.outboundOwnerGroups);
  if (settings.outboundOwnerGroups !== "*" && groups.length > MAX_OWNER_GROUPS) {
    throw new IptablesError(
      "ERR_IPTABLES_OWNER_GROUPS",
      "number of owner groups whose outgoing traffic should be redirected to Envoy cannot exceed " +
        `${MAX_OWNER_GROUPS}, got ${groups.length}: [${groups.join(" ")}]`,
      { path: "ISTIO_OUTBOUND_OWNER_GROUPS" },
    );
  }
  const { forceIptablesBinary: binary } = settings;
  if (binary !== "" && binary !== "legacy" && binary !== "nft") {
    throw new IptablesError("ERR_IPTABLES_BINARY", `invalid FORCE_IPTABLES_BINARY value ${goQuote(binary)}`, {
      path: "--force-iptables-binary",
    });
  }
  checkLoopback(settings.ipv4LoopbackCidr);
}

function checkLoopback(text: string): void {
  const refuse = (message: string, cause?: unknown): IptablesError =>
    new IptablesError("ERR_IPTABLES_LOOPBACK", message, { path: "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", cause });
  let cidr: Cidr;
  try {
    cidr = parseCidr(text);
  } catch (error) {
    if (!(error instanceof IptablesError)) throw error;
    throw refuse(`failed to parse CIDR ${text}: ${error.message}`, error);
  }
  const [address, bits] = cidr.text.split("/");
  if (cidr.family !== "ipv4" || !cidr.loopback) {
    throw refuse(`expected valid IPv4 loopback address in CIDR ${text}; found ${address}`);
  }
  if (Number(bits) < 8) throw refuse(`expected CIDR ${text} to have mask in range [8, 32]; found ${bits}`);
}

/** {@link Options} with a note on what was decided without being asked. */
export interface CompiledSettings {
  /** The typed options. */
  readonly options: Options;
  /** What was decided, as the original words it. */
  readonly warnings: readonly string[];
}

/**
 * Typed options from flags as they were given.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_CIDR` or `ERR_IPTABLES_WILDCARD`; excludes are looked at before includes.
 */
export function compileSettings(settings: Settings, compat: Compat): CompiledSettings {
  const warnings: string[] = [];
  const excluded = parseRanges(settings.serviceExcludeCidr, "--istio-service-exclude-cidr");
  if (excluded === "*") {
    throw new IptablesError("ERR_IPTABLES_WILDCARD", "invalid value for OUTBOUND_IP_RANGES_EXCLUDE", {
      path: "--istio-service-exclude-cidr",
    });
  }
  const included = parseRanges(settings.serviceCidr, "--istio-service-cidr");
  const options: Options = {
    compat,
    outboundPort: settings.envoyPort,
    inboundPort: settings.inboundCapturePort,
    tunnelPort: settings.inboundTunnelPort,
    probePort: String(settings.iptablesProbePort),
    proxyUids: splitList(settings.proxyUid),
    proxyGids: splitList(settings.proxyGid),
    interception: settings.inboundInterceptionMode === "TPROXY" ? "TPROXY" : "REDIRECT",
    tproxyMark: settings.inboundTproxyMark,
    tproxyTable: settings.inboundTproxyRouteTable,
    ...(settings.inboundPorts === "" ? {} : { inboundPorts: listOrAll(settings.inboundPorts) }),
    inboundPortsExclude: splitList(settings.localExcludePorts),
    excludeInterfaces: splitList(settings.excludeInterfaces),
    virtualInterfaces: splitList(settings.kubeVirtInterfaces),
    outboundRanges: included,
    outboundRangesExclude: excluded,
    outboundPorts: splitList(settings.outboundPorts),
    outboundPortsExclude: splitList(settings.localOutboundPortsExclude),
    ownerGroups: ownerGroups(settings, compat, warnings),
    dns: dnsCapture(settings, warnings),
    dropInvalid: settings.dropInvalid,
    ipv6: settings.ipv6,
    loopback: settings.ipv4LoopbackCidr,
  };
  return { options, warnings };
}

function listOrAll(text: string): "*" | readonly string[] {
  return text === "*" ? "*" : splitList(text);
}

function parseRanges(text: string, flag: string): "*" | readonly Cidr[] {
  if (text === "*") return "*";
  return splitList(text).map((item) => {
    try {
      return parseCidr(item);
    } catch (error) {
      if (!(error instanceof IptablesError)) throw error;
      throw new IptablesError(error.code, error.message, { path: flag, cause: error });
    }
  });
}

function ownerGroups(settings: Settings, compat: Compat, warnings: string[]): OwnerGroups {
  const include = settings.outboundOwnerGroups;
  const exclude = splitList(settings.outboundOwnerGroupsExclude);
  if (include === "*") return { kind: "all-except", groups: exclude };
  const groups = splitList(include);
  if (compat === "strict") return { kind: "only", groups, ...(exclude.length === 0 ? {} : { ignored: exclude }) };
  if (groups.length === 0) {
    warnings.push("ISTIO_OUTBOUND_OWNER_GROUPS is set but names no group; capturing all groups.");
    return { kind: "all-except", groups: exclude };
  }
  return { kind: "only", groups: groups.filter((id) => !exclude.includes(id)) };
}

function dnsCapture(settings: Settings, warnings: string[]): DnsCapture {
  if (!settings.redirectDns) return { kind: "off" };
  if (settings.captureAllDns) return { kind: "all" };
  const { dnsServersV4: ipv4, dnsServersV6: ipv6 } = settings;
  if (ipv4.length + ipv6.length > 0) return { kind: "servers", ipv4, ipv6 };
  warnings.push(
    "REDIRECT_DNS is set, but CAPTURE_ALL_DNS is false, and no DNS servers provided. DNS capture disabled.",
  );
  return { kind: "off" };
}
