import { formatAddress, isLinkLocal, isLoopback, parseAddress, unmap } from "./address.js";
import { canonicalAddress } from "./cidr.js";
import { IptablesError } from "./errors.js";
import type { Settings } from "./settings.js";

/** What the rules depend on and no flag says. The shell asks the machine; tests and generators on other systems answer themselves. */
export interface HostFacts {
  /** Addresses of all interfaces, all IPv4 ones first; with or without `/bits`. */
  readonly addresses: () => readonly string[];
  /** Text of /etc/resolv.conf. Throws when it cannot be read; the message ends the error the user sees. */
  readonly resolvConf: () => string;
  /** Numeric id of a user, undefined when there is none of that name. */
  readonly userId: (name: string) => string | undefined;
}

/** Address and family of a host. */
export interface HostAddress {
  /** The address the host is known by. */
  readonly ip: string;
  /** Whether IPv6 rules are wanted. */
  readonly ipv6: boolean;
}

/**
 * The first address that means something beyond its link decides the family; with dual stack, one IPv6 address is enough.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_HOST_ADDRESS` when there is no such address.
 */
export function hostAddress(addresses: readonly string[], dualStack: boolean): HostAddress {
  let first: string | undefined;
  for (const text of addresses) {
    const address = parseAddress(text.split("/", 1)[0] ?? "");
    if (address.kind === "bad" || isLoopback(address) || isLinkLocal(address)) continue;
    const v4 = unmap(address);
    const ip = v4 === undefined ? formatAddress(address) : v4.join(".");
    first ??= ip;
    const ipv6 = v4 === undefined;
    if (!dualStack || ipv6) return { ip: first, ipv6 };
  }
  if (first !== undefined) return { ip: first, ipv6: false };
  throw new IptablesError("ERR_IPTABLES_HOST_ADDRESS", "no valid local IP address found");
}

/** Name servers of a resolv.conf, as text. The second word of a `nameserver` line counts, whatever follows. */
export function nameServers(resolvConf: string): readonly string[] {
  const servers: string[] = [];
  for (const line of resolvConf.split("\n")) {
    if (/^[;#]/.test(line)) continue;
    const [keyword, server] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && server !== undefined) servers.push(server);
  }
  return servers;
}

/** Who the proxy is when no flag says it. */
const DEFAULT_PROXY_ID = "1337";

/** Fills in what the host knows: proxy ids, address family, name servers. */
export function fillFromHost(settings: Settings, envoyUser: string, host: HostFacts): Settings {
  const proxyUid = settings.proxyUid === "" ? (host.userId(envoyUser) ?? DEFAULT_PROXY_ID) : settings.proxyUid;
  const proxyGid = settings.proxyGid === "" ? proxyUid : settings.proxyGid;
  const { ip: hostIp, ipv6 } = hostAddress(host.addresses(), settings.dualStack);
  const dnsServersV4: string[] = [];
  const dnsServersV6: string[] = [];
  if (settings.redirectDns && !settings.captureAllDns) {
    for (const server of nameServers(readResolvConf(host))) {
      const address = canonicalAddress(server);
      if (address?.family === "ipv4") dnsServersV4.push(address.text);
      else if (address !== undefined) dnsServersV6.push(address.text);
    }
  }
  return { ...settings, proxyUid, proxyGid, hostIp, ipv6, dnsServersV4, dnsServersV6 };
}

function readResolvConf(host: HostFacts): string {
  try {
    return host.resolvConf();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new IptablesError("ERR_IPTABLES_RESOLV_CONF", `failed to load /etc/resolv.conf: ${reason}`, { cause: error });
  }
}
