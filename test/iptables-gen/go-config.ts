import { DEFAULT_SETTINGS, type Settings } from "@weftmesh/iptables-gen";

/** istio's configuration record as the conformance data has it: Go's field names. */
export type GoConfig = Readonly<Record<string, string | boolean | number | readonly string[]>>;

const FIELDS: Readonly<Record<string, keyof Settings>> = {
  ProxyPort: "envoyPort",
  InboundCapturePort: "inboundCapturePort",
  InboundTunnelPort: "inboundTunnelPort",
  ProxyUID: "proxyUid",
  ProxyGID: "proxyGid",
  InboundInterceptionMode: "inboundInterceptionMode",
  InboundTProxyMark: "inboundTproxyMark",
  InboundTProxyRouteTable: "inboundTproxyRouteTable",
  InboundPortsInclude: "inboundPorts",
  InboundPortsExclude: "localExcludePorts",
  OwnerGroupsInclude: "outboundOwnerGroups",
  OwnerGroupsExclude: "outboundOwnerGroupsExclude",
  OutboundPortsInclude: "outboundPorts",
  OutboundPortsExclude: "localOutboundPortsExclude",
  OutboundIPRangesInclude: "serviceCidr",
  OutboundIPRangesExclude: "serviceExcludeCidr",
  RerouteVirtualInterfaces: "kubeVirtInterfaces",
  ExcludeInterfaces: "excludeInterfaces",
  IptablesProbePort: "iptablesProbePort",
  DryRun: "dryRun",
  SkipRuleApply: "skipRuleApply",
  RunValidation: "runValidation",
  RedirectDNS: "redirectDns",
  DropInvalid: "dropInvalid",
  CaptureAllDNS: "captureAllDns",
  EnableIPv6: "ipv6",
  DNSServersV4: "dnsServersV4",
  DNSServersV6: "dnsServersV6",
  NetworkNamespace: "networkNamespace",
  HostFilesystemPodNetwork: "cniMode",
  DualStack: "dualStack",
  HostIPv4LoopbackCidr: "ipv4LoopbackCidr",
  Reconcile: "reconcile",
  CleanupOnly: "cleanupOnly",
  ForceApply: "forceApply",
  NativeNftables: "nativeNftables",
  ForceIptablesBinary: "forceIptablesBinary",
};

/** Name of the setting a Go field is, undefined when it is none. */
export function settingOfGoField(field: string): keyof Settings | undefined {
  return Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
}

/** Settings from a Go configuration. Throws for a field it does not know: a case must not be half understood. */
export function settingsOfGoConfig(config: GoConfig): Settings {
  const zero: Settings = { ...DEFAULT_SETTINGS, outboundOwnerGroups: "", ipv4LoopbackCidr: "" };
  const settings: Record<string, unknown> = { ...zero, envoyPort: "", inboundCapturePort: "", inboundTunnelPort: "" };
  for (const [field, value] of Object.entries(config)) {
    const name = settingOfGoField(field);
    if (name === undefined) throw new Error(`unknown configuration field ${field}`);
    settings[name] = value;
  }
  return settings as unknown as Settings;
}
