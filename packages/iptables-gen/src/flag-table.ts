import type { Settings } from "./settings.js";

/** Purpose a flag is listed under in the help. */
export type FlagGroup = "Ports and proxy" | "Inbound" | "Outbound" | "DNS" | "How rules are applied" | "Validation";

/** One flag of istio-iptables. */
export interface FlagSpec {
  /** Long name, without dashes. */
  readonly long: string;
  /** One-letter form, without dash. */
  readonly short?: string;
  /** Variables that set it; a later one wins over an earlier one. */
  readonly env: readonly string[];
  /** Syntax of the value. */
  readonly type: "string" | "bool" | "uint16" | "duration";
  /** The setting it fills. */
  readonly field: keyof Settings;
  /** Where the help lists it. */
  readonly group: FlagGroup;
  /** What it does here. */
  readonly help: string;
}

const PORTS = "Ports and proxy";
const INBOUND = "Inbound";
const OUTBOUND = "Outbound";
const DNS = "DNS";
const APPLY = "How rules are applied";
const VALIDATION = "Validation";

type Row = readonly [
  long: string,
  short: string,
  type: FlagSpec["type"],
  field: keyof Settings,
  group: FlagGroup,
  help: string,
  ...moreEnv: string[],
];

// Long names and letters are istio-iptables'; a variable's name follows from the long name, except for --envoy-port, which has none.
const ROWS: readonly Row[] = [
  ["envoy-port", "p", "string", "envoyPort", PORTS, "Port captured outbound TCP is sent to."],
  ["inbound-capture-port", "z", "string", "inboundCapturePort", PORTS, "Port captured inbound TCP is sent to."],
  ["inbound-tunnel-port", "e", "string", "inboundTunnelPort", PORTS, "HBONE port of the proxy, never captured."],
  [
    "proxy-uid",
    "u",
    "string",
    "proxyUid",
    PORTS,
    "Users never captured, comma separated. Default: $ENVOY_USER's id, or 1337.",
  ],
  [
    "proxy-gid",
    "g",
    "string",
    "proxyGid",
    PORTS,
    "Groups never captured, comma separated. Default: the value of --proxy-uid.",
  ],
  [
    "istio-inbound-interception-mode",
    "m",
    "string",
    "inboundInterceptionMode",
    INBOUND,
    "TPROXY, or anything else for REDIRECT.",
  ],
  [
    "istio-inbound-ports",
    "b",
    "string",
    "inboundPorts",
    INBOUND,
    "Inbound ports to capture, * for all, empty for none.",
  ],
  ["istio-local-exclude-ports", "d", "string", "localExcludePorts", INBOUND, "Inbound ports left alone."],
  [
    "istio-exclude-interfaces",
    "c",
    "string",
    "excludeInterfaces",
    INBOUND,
    "Interfaces left alone in both directions.",
  ],
  [
    "istio-service-cidr",
    "i",
    "string",
    "serviceCidr",
    OUTBOUND,
    "Destinations to capture as CIDRs, * for all, empty for none.",
  ],
  ["istio-service-exclude-cidr", "x", "string", "serviceExcludeCidr", OUTBOUND, "Destinations left alone, as CIDRs."],
  [
    "istio-outbound-ports",
    "q",
    "string",
    "outboundPorts",
    OUTBOUND,
    "Destination ports captured whatever the address.",
  ],
  [
    "istio-local-outbound-ports-exclude",
    "o",
    "string",
    "localOutboundPortsExclude",
    OUTBOUND,
    "Destination ports left alone, TCP and UDP.",
  ],
  [
    "kube-virt-interfaces",
    "k",
    "string",
    "kubeVirtInterfaces",
    OUTBOUND,
    "Interfaces whose incoming traffic counts as outbound.",
  ],
  ["istio-inbound-tproxy-mark", "t", "string", "inboundTproxyMark", INBOUND, "Mark of TPROXY packets, decimal."],
  [
    "istio-inbound-tproxy-route-table",
    "r",
    "string",
    "inboundTproxyRouteTable",
    INBOUND,
    "Routing table of TPROXY packets, decimal.",
  ],
  ["dry-run", "n", "bool", "dryRun", APPLY, "Say what would be run; run nothing."],
  ["iptables-probe-port", "", "uint16", "iptablesProbePort", VALIDATION, "Port the validation probe dials."],
  ["probe-timeout", "", "duration", "probeTimeoutMs", VALIDATION, "How long the validation probe tries."],
  ["skip-rule-apply", "", "bool", "skipRuleApply", APPLY, "Change neither rules nor routes."],
  [
    "run-validation",
    "",
    "bool",
    "runValidation",
    VALIDATION,
    "Check afterwards that rules are in force; exit 126 if not.",
  ],
  [
    "redirect-dns",
    "",
    "bool",
    "redirectDns",
    DNS,
    "Send DNS queries to the agent's port 15053.",
    "ISTIO_META_DNS_CAPTURE",
  ],
  ["drop-invalid", "", "bool", "dropInvalid", INBOUND, "Drop packets that belong to no connection.", "INVALID_DROP"],
  [
    "dual-stack",
    "",
    "bool",
    "dualStack",
    APPLY,
    "Write IPv6 rules if the host has any usable IPv6 address.",
    "ISTIO_DUAL_STACK",
  ],
  [
    "capture-all-dns",
    "",
    "bool",
    "captureAllDns",
    DNS,
    "Capture every port 53, not only resolv.conf's servers. Needs --redirect-dns.",
  ],
  ["network-namespace", "", "string", "networkNamespace", APPLY, "Network namespace the rules belong to."],
  [
    "cni-mode",
    "",
    "bool",
    "cniMode",
    APPLY,
    "Run each command with a lock of the pod's own and without name services.",
  ],
  ["reconcile", "", "bool", "reconcile", APPLY, "If other rules of istio are there, remove them and apply anew."],
  ["cleanup-only", "", "bool", "cleanupOnly", APPLY, "Remove the rules; apply none."],
  ["force-apply", "", "bool", "forceApply", APPLY, "Apply even if the rules seem to be there."],
  ["native-nftables", "", "bool", "nativeNftables", APPLY, "Write nft rules instead of iptables rules."],
  [
    "force-iptables-binary",
    "",
    "string",
    "forceIptablesBinary",
    APPLY,
    "legacy or nft: skip detection of the iptables variant.",
  ],
];

/** The 32 flags, in the order the original declares them. */
export const FLAGS: readonly FlagSpec[] = ROWS.map(([long, short, type, field, group, help, ...moreEnv]) => ({
  long,
  ...(short === "" ? {} : { short }),
  env: long === "envoy-port" ? [] : [long.toUpperCase().replaceAll("-", "_"), ...moreEnv],
  type,
  field,
  group,
  help,
}));

/** A variable that has no flag. */
export interface VariableSpec {
  /** Name of the variable. */
  readonly name: string;
  /** Value when it is not set. */
  readonly default: string;
  /** What it does. */
  readonly help: string;
}

/** Variables without a flag. */
export const VARIABLES: readonly VariableSpec[] = [
  {
    name: "ISTIO_OUTBOUND_OWNER_GROUPS",
    default: "*",
    help: "Groups whose outgoing traffic is captured, names or ids.",
  },
  { name: "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", default: "", help: "Groups whose outgoing traffic is left alone." },
  { name: "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", default: "127.0.0.1/32", help: "What counts as loopback in IPv4." },
  { name: "ENVOY_USER", default: "istio-proxy", help: "User whose id --proxy-uid defaults to." },
  { name: "DRY_RUN_FILE_PATH", default: "", help: "File a dry run writes its transcript to." },
];

/** A flag that is accepted and has no effect on rules. */
export interface IgnoredFlag {
  /** Long name, without dashes. */
  readonly long: string;
  /** One-letter form. */
  readonly short?: string;
  /** Whether it takes a value. */
  readonly type: "string" | "bool" | "int";
}

/** Logging flags the original inherits from its parent command. */
export const LOGGING_FLAGS: readonly IgnoredFlag[] = [
  { long: "log_output_level", type: "string" },
  { long: "log_as_json", type: "bool" },
  { long: "log_target", type: "string" },
  { long: "log_caller", type: "string" },
  { long: "log_stacktrace_level", type: "string" },
  { long: "vklog", type: "int" },
];

/** A flag earlier releases had. `strict` refuses it as today's release does; `fixed` accepts it. */
export interface RemovedFlag extends IgnoredFlag {
  /** Releases that had it. */
  readonly releases: string;
  /** What it means here, in `fixed`. */
  readonly help: string;
}

/** Flags of earlier releases. */
export const REMOVED_FLAGS: readonly RemovedFlag[] = [
  {
    long: "restore-format",
    short: "f",
    type: "bool",
    releases: "1.5-1.23",
    help: "`true`: nothing, rules are applied so. `false`: a dry run and --output restore print one command a rule; rules are applied in one commit a table all the same, with a warning.",
  },
  { long: "iptables-trace-logging", type: "bool", releases: "1.12-1.25", help: "Accepted with a warning, no effect." },
  {
    long: "output-paths",
    type: "string",
    releases: "1.11-1.17",
    help: "The rules are written to this file as well, as restore text of both families or nft transaction.",
  },
  { long: "host-nsenter-exec", type: "bool", releases: "1.15-1.19", help: "Accepted with a warning, no effect." },
  {
    long: "iptables-version",
    type: "string",
    releases: "1.20-1.21",
    help: "legacy or nft: same as --force-iptables-binary.",
  },
];

/** Variables earlier releases read. */
export const REMOVED_VARIABLES: readonly string[] = [
  "KUBEVIRT_INTERFACES",
  "DISABLE_REDIRECTION_ON_LOCAL_LOOPBACK",
  "IPTABLES_TRACE_LOGGING",
];
