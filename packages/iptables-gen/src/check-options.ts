import { parsePrefix } from "./address.js";
import { IptablesError, type Issue } from "./errors.js";
import type { Options } from "./options.js";

/** How many characters an interface name has at most in Linux. */
const MAX_INTERFACE_NAME = 15;
/** Istio's CNI plugin takes these names. */
const INTERFACE_NAME = /^[a-zA-Z][a-zA-Z0-9_.-]*$/;
/** Names of users, groups and services as /etc/passwd, /etc/group and /etc/services have them. */
const NAME = /^[a-zA-Z_][a-zA-Z0-9_.-]*$/;

/** As long as Linux lets user names be. */
const MAX_NAME = 32;

/**
 * What the kernel's tools would refuse or misread, as Istio's CNI plugin checks it: ports, interface names, marks, ids.
 *
 * Everything found, in the order of the options; empty when all is well. `path` is the flag.
 */
export function checkOptions(options: Options): readonly Issue[] {
  const issues: Issue[] = [];
  const check = (
    path: string,
    values: readonly string[],
    expected: string,
    valid: (value: string) => boolean,
  ): void => {
    for (const value of values) {
      if (valid(value)) continue;
      const shown = JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
      issues.push({ code: "ERR_IPTABLES_VALUE", path, message: `expected ${expected}, got ${shown}` });
    }
  };
  const port = "a port from 0 to 65535";
  const ports = `${port}, a range a:b or a service name`;
  check("--envoy-port", [options.outboundPort], port, isPort);
  check("--inbound-capture-port", [options.inboundPort], port, isPort);
  check("--inbound-tunnel-port", [options.tunnelPort], port, isPort);
  const id = "a numeric id or a name";
  check("--proxy-uid", options.proxyUids, id, isId);
  check("--proxy-gid", options.proxyGids, id, isId);
  const listed = options.inboundPorts === "*" ? [] : (options.inboundPorts ?? []);
  check("--istio-inbound-ports", listed, ports, isPortOrRange);
  check("--istio-local-exclude-ports", options.inboundPortsExclude, ports, isPortOrRange);
  check("--istio-outbound-ports", options.outboundPorts, ports, isPortOrRange);
  check("--istio-local-outbound-ports-exclude", options.outboundPortsExclude, ports, isPortOrRange);
  const name = `an interface name of at most ${MAX_INTERFACE_NAME} characters`;
  check("--istio-exclude-interfaces", options.excludeInterfaces, name, isInterface);
  check("--kube-virt-interfaces", options.virtualInterfaces, name, isInterface);
  const number = "a decimal number below 2^32";
  check("--istio-inbound-tproxy-mark", [options.tproxyMark], number, isUint32);
  check("--istio-inbound-tproxy-route-table", [options.tproxyTable], number, isUint32);
  check("ISTIO_OUTBOUND_OWNER_GROUPS", options.ownerGroups.groups, id, isId);
  check("ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", [options.loopback], "an IPv4 range", isRange);
  return issues;
}

/**
 * Refuses options whose values the kernel's tools would refuse or misread.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_VALUE` with every value that is refused.
 */
export function refuseInvalid(options: Options): void {
  const issues = checkOptions(options);
  const [first] = issues;
  if (first === undefined) return;
  const message = issues.map((issue) => `${issue.path}: ${issue.message}`).join("\n");
  throw new IptablesError(first.code, message, { path: first.path, issues });
}

/** Whether a value could end a line or a word of a rule text. Such a value must never reach a script. */
export function breaksText(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return /[\x00-\x20\x7f"'\\`$;&|<>(){}!#]/.test(value);
}

function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) <= 65535;
}

function isPortOrRange(text: string): boolean {
  const ends = text.split(":");
  if (ends.length === 2) return ends.every(isPort) && Number(ends[0]) <= Number(ends[1]);
  return isPort(text) || isName(text);
}

/** Whether a text is a numeric id, or a name that a user or group may have. */
export function isId(text: string): boolean {
  return isUint32(text) || isName(text);
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME && NAME.test(text);
}

function isInterface(text: string): boolean {
  return text.length <= MAX_INTERFACE_NAME && INTERFACE_NAME.test(text);
}

function isUint32(text: string): boolean {
  return /^[0-9]{1,10}$/.test(text) && Number(text) <= 0xffffffff;
}

function isRange(text: string): boolean {
  try {
    return parsePrefix(text).address.kind === "v4";
  } catch {
    return false;
  }
}
