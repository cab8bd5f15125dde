// What a CNI plugin does for a pod: node cni-call.mjs /var/run/netns/POD 10.0.0.5
import { applySettings, DEFAULT_SETTINGS, namespaceRunner } from "@weftmesh/iptables-gen";

const [namespace, podIp] = process.argv.slice(2);
if (namespace === undefined || podIp === undefined) {
  console.error("usage: node cni-call.mjs NETWORK-NAMESPACE POD-IP");
  process.exit(2);
}

const settings = {
  ...DEFAULT_SETTINGS,
  proxyUid: "1337",
  proxyGid: "1337",
  inboundPorts: "*",
  localExcludePorts: "15090,15021,15020",
  serviceCidr: "*",
  hostIp: podIp,
  ipv6: podIp.includes(":"),
};

// May be called again for the same pod: rules that are there already are left alone.
applySettings(settings, "fixed", (level, text) => console.error(`${level}: ${text}`), namespaceRunner(namespace));
