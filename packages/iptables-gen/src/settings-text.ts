import type { Settings } from "./settings.js";

/** The `Istio config:` block of the original's log: every setting under its print name, which need not be a variable's name. */
export function configText(settings: Settings): string {
  const lines = printed(settings).map(([name, value]) => `${name}=${value}\n`);
  return `Istio config:\n${lines.join("")}`;
}

function printed(settings: Settings): readonly (readonly [name: string, value: string])[] {
  return [
    ["PROXY_PORT", settings.envoyPort],
    ["PROXY_INBOUND_CAPTURE_PORT", settings.inboundCapturePort],
    ["PROXY_TUNNEL_PORT", settings.inboundTunnelPort],
    ["PROXY_UID", settings.proxyUid],
    ["PROXY_GID", settings.proxyGid],
    ["INBOUND_INTERCEPTION_MODE", settings.inboundInterceptionMode],
    ["INBOUND_TPROXY_MARK", settings.inboundTproxyMark],
    ["INBOUND_TPROXY_ROUTE_TABLE", settings.inboundTproxyRouteTable],
    ["INBOUND_PORTS_INCLUDE", settings.inboundPorts],
    ["INBOUND_PORTS_EXCLUDE", settings.localExcludePorts],
    ["OUTBOUND_OWNER_GROUPS_INCLUDE", settings.outboundOwnerGroups],
    ["OUTBOUND_OWNER_GROUPS_EXCLUDE", settings.outboundOwnerGroupsExclude],
    ["OUTBOUND_IP_RANGES_INCLUDE", settings.serviceCidr],
    ["OUTBOUND_IP_RANGES_EXCLUDE", settings.serviceExcludeCidr],
    ["OUTBOUND_PORTS_INCLUDE", settings.outboundPorts],
    ["OUTBOUND_PORTS_EXCLUDE", settings.localOutboundPortsExclude],
    ["KUBE_VIRT_INTERFACES", settings.kubeVirtInterfaces],
    ["ENABLE_INBOUND_IPV6", String(settings.ipv6)],
    ["DUAL_STACK", String(settings.dualStack)],
    ["DNS_CAPTURE", String(settings.redirectDns)],
    ["DROP_INVALID", String(settings.dropInvalid)],
    ["CAPTURE_ALL_DNS", String(settings.captureAllDns)],
    ["DNS_SERVERS", `[${settings.dnsServersV4.join(" ")}],[${settings.dnsServersV6.join(" ")}]`],
    ["NETWORK_NAMESPACE", settings.networkNamespace],
    ["CNI_MODE", String(settings.cniMode)],
    ["EXCLUDE_INTERFACES", settings.excludeInterfaces],
    ["RECONCILE", String(settings.reconcile)],
    ["CLEANUP_ONLY", String(settings.cleanupOnly)],
    ["FORCE_APPLY", String(settings.forceApply)],
    ["NATIVE_NFTABLES", String(settings.nativeNftables)],
    ["FORCE_IPTABLES_BINARY", settings.forceIptablesBinary],
  ];
}
