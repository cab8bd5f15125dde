import { DNS_PORT } from "./chains.js";
import { checkOptions } from "./check-options.js";
import type { Options } from "./options.js";
import { inRange, readAddress, readRange } from "./walk/packet.js";

/** Something about options that is allowed and probably not meant. */
export interface Finding {
  /** What was looked for; stable. */
  readonly rule:
    | "invalid-value"
    | "exclude-without-wildcard"
    | "excluded-groups-ignored"
    | "gid-redirects-dns"
    | "routes-left"
    | "tproxy-beats-virtual-interface"
    | "tproxy-keeps-replies"
    | "dangling-jump-in-nft"
    | "dry-run-applies"
    | "reconcile-drops-traffic"
    | "variant-flips"
    | "chains-left"
    | "jump-appended"
    | "validation-shallow"
    | "several-proxies"
    | "loopback-hides-probe"
    | "proxy-port-excluded"
    | "too-many-groups"
    | "nobody-captured"
    | "range-in-nft"
    | "pattern-in-nft"
    | "tunnel-captured"
    | "dns-without-servers"
    | "application-is-proxy"
    | "nft-captures-ipv6";
  /** The flag it is about. */
  readonly flag: string;
  /** What will happen. */
  readonly message: string;
  /** Whether `fixed` mends it. */
  readonly mendedByFixed: boolean;
}

/** What {@link lint} knows beside the options. */
export interface LintContext {
  /** Rules are for native nft. Default false. */
  readonly native?: boolean;
  /** Users of the applications that are to be captured. */
  readonly applicationUids?: readonly string[];
}

/**
 * Options that are accepted and do something nobody expects: the defects of the original, dead rules and conflicts. For options in
 * `fixed`, only what it does not mend.
 */
export function lint(options: Options, context: LintContext = {}): readonly Finding[] {
  const findings = allFindings(options, context);
  return options.compat === "fixed" ? findings.filter(({ mendedByFixed }) => !mendedByFixed) : findings;
}

function allFindings(options: Options, { native = false, applicationUids = [] }: LintContext): readonly Finding[] {
  const findings: Finding[] = checkOptions(options).map(({ path, message }) => ({
    rule: "invalid-value",
    flag: path,
    message,
    mendedByFixed: false,
  }));
  const add = (rule: Finding["rule"], flag: string, message: string, mendedByFixed = false): void => {
    findings.push({ rule, flag, message, mendedByFixed });
  };
  if (options.inboundPortsExclude.length > 0 && options.inboundPorts !== "*") {
    const message = "excluded inbound ports only count when all inbound ports are captured";
    add("exclude-without-wildcard", "--istio-local-exclude-ports", message, true);
  }
  for (const [flag, owners] of [
    ["--proxy-uid", options.proxyUids],
    ["--proxy-gid", options.proxyGids],
  ] as const) {
    if (owners.length < 2) continue;
    const message = `only ${owners[0]} reaches its own pod through a service address; the others are taken for applications`;
    add("several-proxies", flag, message, true);
  }
  const loopback = readRange(options.loopback);
  if (loopback !== undefined && inRange(readAddress("127.0.0.6"), loopback)) {
    const message = `${options.loopback} contains 127.0.0.6, so that the validation probe never arrives`;
    add("loopback-hides-probe", "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", message, true);
  }
  for (const port of [options.outboundPort, options.inboundPort]) {
    if (!options.outboundPortsExclude.includes(port)) continue;
    add("proxy-port-excluded", "--istio-local-outbound-ports-exclude", `port ${port} is the proxy's own`);
  }
  lintGroups(options, add);
  lintTproxy(options, add);
  if (options.dns.kind !== "off" && options.proxyGids.length > 0) {
    const message = "the rule of the proxy's groups redirects its own TCP queries on loopback";
    add("gid-redirects-dns", "--proxy-gid", message, true);
  }
  if (native) lintNative(options, add);
  for (const uid of applicationUids) {
    if (options.proxyUids.includes(uid)) add("application-is-proxy", "--proxy-uid", `user ${uid} is never captured`);
  }
  if (options.dns.kind !== "off" && options.proxyUids.length + options.proxyGids.length === 0) {
    add("dns-without-servers", "--redirect-dns", `whoever listens on ${DNS_PORT} must run as a proxy user or group`);
  }
  return findings;
}

type Add = (rule: Finding["rule"], flag: string, message: string, mendedByFixed?: boolean) => void;

function lintTproxy(options: Options, add: Add): void {
  const { interception, inboundPorts, virtualInterfaces, excludeInterfaces } = options;
  if (interception !== "TPROXY" || inboundPorts === undefined) {
    if (options.ipv6) add("routes-left", "--dual-stack", "removal leaves the address ::6 on lo", true);
    return;
  }
  const routes = "removal leaves the policy routing, and each run adds one more ip rule";
  add("routes-left", "--istio-inbound-interception-mode", routes, true);
  if (inboundPorts === "*") {
    const message = `port ${options.tunnelPort} is captured in TPROXY mode, although it is the proxy's own`;
    add("tunnel-captured", "--inbound-tunnel-port", message, true);
  }
  if (virtualInterfaces.length > 0) {
    const message = `what comes in by ${virtualInterfaces.join(", ")} goes to port ${options.inboundPort}: TPROXY takes it before it can count as outbound`;
    add("tproxy-beats-virtual-interface", "--kube-virt-interfaces", message);
  }
  const forwarding = [...virtualInterfaces, ...excludeInterfaces];
  if (forwarding.length > 0) {
    const message = `connections forwarded from ${forwarding.join(", ")} that are not captured get no answer: TPROXY keeps the replies here`;
    add("tproxy-keeps-replies", "--istio-inbound-interception-mode", message);
  }
}

function lintGroups({ ownerGroups }: Options, add: Add): void {
  if (ownerGroups.kind !== "only") return;
  const { groups, ignored = [] } = ownerGroups;
  const flag = "ISTIO_OUTBOUND_OWNER_GROUPS";
  if (ignored.length > 0) {
    const message = `${ignored.join(", ")} are not looked at, because there is a list of included groups`;
    add("excluded-groups-ignored", "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", message, true);
  }
  if (groups.length === 0)
    add("nobody-captured", flag, "the list is empty, so that nothing outbound is captured", true);
  if (groups.length > 49) {
    const message = `${groups.length} groups do not fit into one rule; iptables-restore takes 49`;
    add("too-many-groups", flag, message, true);
  }
}

function lintNative(options: Options, add: Add): void {
  const ports = [
    ...(options.inboundPorts === "*" ? [] : (options.inboundPorts ?? [])),
    ...options.inboundPortsExclude,
    ...options.outboundPorts,
    ...options.outboundPortsExclude,
  ];
  for (const port of ports.filter((text) => text.includes(":"))) {
    add("range-in-nft", "--istio-inbound-ports", `nft writes a range ${port.replace(":", "-")}, not ${port}`, true);
  }
  for (const name of [...options.excludeInterfaces, ...options.virtualInterfaces]) {
    if (!name.endsWith("+")) continue;
    add("pattern-in-nft", "--istio-exclude-interfaces", `nft does not know the pattern ${name}`, true);
  }
  const { dns } = options;
  if (!options.ipv6 && dns.kind === "servers" && dns.ipv4.length === 0) {
    const message =
      "all name servers are IPv6 and IPv6 is off: the transaction jumps to a chain it does not make, and fails";
    add("dangling-jump-in-nft", "--redirect-dns", message, true);
  }
  if (!options.ipv6) add("nft-captures-ipv6", "--dual-stack", "IPv6 is off, and captured all the same", true);
}
