import type { Backend, Match, PortMatch } from "../rule.js";
import { type Address, inRange, readRange } from "./packet.js";
import type { PacketState } from "./state.js";

/** Whether a packet meets a condition; `unknown` when this package cannot tell. */
export type Answer = boolean | "unknown";

/** A condition, compiled. */
export type Condition = (packet: PacketState) => Answer;

/** Compiles a condition for a back end. Undefined: the back end's form of the rule does not have it. */
export function compileCondition(match: Match, backend: Backend): Condition | undefined {
  switch (match.kind) {
    case "in-interface": {
      const matches = interfaceTest(match.name, match.negated === true, backend);
      return (packet) => matches(packet.inInterface);
    }
    case "out-interface": {
      const matches = interfaceTest(match.name, match.negated === true, backend);
      return (packet) => matches(packet.outInterface);
    }
    case "protocol": {
      if (match.only !== undefined && match.only !== backend) return undefined;
      return protocolTest(match.protocol, match.negated === true);
    }
    case "family":
      return (packet) => packet.family === match.family;
    case "source": {
      const matches = rangeTest(match.range, match.negated === true);
      return (packet) => matches(packet.source);
    }
    case "destination": {
      const matches = rangeTest(match.range, match.negated === true);
      return (packet) => matches(packet.destination);
    }
    case "source-port":
    case "destination-port":
      return portTest(match);
    case "owner-user":
      return ownerTest("uid", match.id, match.negated === true);
    case "owner-group":
      return ownerTest("gid", match.id, match.negated === true);
    case "mark": {
      const matches = markTest(match.value, match.negated === true);
      return (packet) => matches(packet.mark);
    }
    case "connection-mark": {
      const matches = markTest(match.value, match.negated === true);
      return (packet) => matches(packet.connectionMark);
    }
    case "connection-state": {
      const states = new Set(match.states.map((state) => state.toUpperCase()));
      return (packet) => states.has(packet.established ? "ESTABLISHED" : "NEW");
    }
    case "opaque":
      return () => "unknown";
  }
}

/** A mark as a number, undefined when the text is none. */
export function readMark(text: string): { readonly value: number; readonly mask: number } | undefined {
  const [value = "", mask = "0xffffffff"] = text.split("/", 2);
  if (!/^(?:0x[0-9a-f]+|[0-9]+)$/i.test(value) || !/^(?:0x[0-9a-f]+|[0-9]+)$/i.test(mask)) return undefined;
  return { value: Number(value) >>> 0, mask: Number(mask) >>> 0 };
}

function interfaceTest(name: string, negated: boolean, backend: Backend): (actual: string) => boolean {
  const suffix = backend === "iptables" ? "+" : "*";
  const prefix = name.endsWith(suffix) ? name.slice(0, -1) : undefined;
  return (actual) => (prefix === undefined ? actual === name : actual.startsWith(prefix)) !== negated;
}

const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { "6": "tcp", "17": "udp" };

function protocolTest(protocol: string, negated: boolean): Condition {
  const name = PROTOCOL_NUMBERS[protocol] ?? protocol.toLowerCase();
  if (name === "all" || name === "0") return () => !negated;
  return (packet) => (packet.protocol === name) !== negated;
}

function rangeTest(text: string, negated: boolean): (address: Address) => Answer {
  const range = readRange(text);
  if (range === undefined) return () => "unknown";
  // A condition on an IPv4 address is about IPv4 packets, negated or not.
  return (address) => address.family === range.address.family && inRange(address, range) !== negated;
}

/** Services the rules of istio are written with in practice; the kernel's tools look others up in /etc/services. */
const SERVICES: Readonly<Record<string, number>> = { ssh: 22, domain: 53, http: 80, https: 443, mysql: 3306 };

function portTest(match: PortMatch): Condition {
  const ranges: [number, number][] = [];
  for (const text of match.ports) {
    const [from = "", to] = text.trim().split(/[:-]/);
    const low = readPort(from, 0);
    const high = to === undefined ? low : readPort(to, 65535);
    if (low === undefined || high === undefined) return () => "unknown";
    ranges.push([low, high]);
  }
  const negated = match.negated === true;
  const source = match.kind === "source-port";
  return (packet) => {
    if (packet.protocol !== match.protocol) return false;
    const port = source ? packet.sourcePort : packet.destinationPort;
    return ranges.some(([low, high]) => port >= low && port <= high) !== negated;
  };
}

function readPort(text: string, open: number): number | undefined {
  if (text === "") return open;
  if (/^[0-9]+$/.test(text)) return Number(text);
  return Object.hasOwn(SERVICES, text) ? SERVICES[text] : undefined;
}

function ownerTest(key: "uid" | "gid", id: string, negated: boolean): Condition {
  return (packet) => {
    // A packet from outside has no socket to look at; xt_owner then matches only what is negated, and never without a socket.
    if (packet.owner === undefined) return false;
    return (packet.owner[key] === id) !== negated;
  };
}

function markTest(text: string, negated: boolean): (mark: number) => Answer {
  const wanted = readMark(text);
  if (wanted === undefined) return () => "unknown";
  return (mark) => ((mark & wanted.mask) >>> 0 === wanted.value) !== negated;
}
