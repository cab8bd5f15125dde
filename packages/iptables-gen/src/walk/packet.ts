import ipaddr from "ipaddr.js";
import { IptablesError } from "../errors.js";
import type { Endpoint } from "../proc-net.js";
import type { Family, Protocol } from "../rule.js";

/** The first packet of a connection, or a datagram, whose way is asked for. */
export interface Packet {
  /** Transport protocol. */
  readonly protocol: Protocol;
  /** Destination address. */
  readonly destination: string;
  /** Destination port. */
  readonly destinationPort: number;
  /** Source address. Default: the address of the interface it leaves by, or an address outside. */
  readonly source?: string;
  /** Source port. Default 40000. */
  readonly sourcePort?: number;
  /** Who sends it, on this machine. Absent: it comes in by `inInterface`. */
  readonly owner?: PacketOwner;
  /** Interface it comes in by. Default: that of the network the destination is in. Ignored when there is an owner. */
  readonly inInterface?: string;
}

/** The sending process. Supplementary groups do not count for rules. */
export interface PacketOwner {
  /** User id. */
  readonly uid: string;
  /** Primary group id. */
  readonly gid: string;
}

/** A network interface of the machine. */
export interface NetworkInterface {
  /** Name, for example `eth0`. */
  readonly name: string;
  /** Its addresses with prefix length: `10.0.0.5/24`. */
  readonly addresses: readonly string[];
}

/** What the way of a packet depends on beside rules. */
export interface Surroundings {
  /** Interfaces. `lo` need not be listed. The first one is the default route. */
  readonly interfaces: readonly NetworkInterface[];
}

/** Surroundings of an ordinary pod. */
export const DEFAULT_SURROUNDINGS: Surroundings = {
  interfaces: [{ name: "eth0", addresses: ["10.0.0.1/24", "fd00::1/64"] }],
};

/** An address as bytes. */
export interface Address {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** Family of the address. */
  readonly family: Family;
  /** Canonical text. */
  readonly text: string;
}

/** A range of addresses as bytes. */
export interface Range {
  /** The address, host bits kept. */
  readonly address: Address;
  /** Bits that count. */
  readonly bits: number;
}

const PLAIN_IPV4 = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/;

/** The usual spelling, which is canonical already: a walk of many packets would spend most of its time on the general reading. */
function readPlainIpv4(text: string): Address | undefined {
  const found = PLAIN_IPV4.exec(text);
  if (found === null) return undefined;
  const bytes = [Number(found[1]), Number(found[2]), Number(found[3]), Number(found[4])];
  return bytes.every((byte) => byte < 256) ? { bytes, family: "ipv4", text } : undefined;
}

/**
 * Reads an address people write.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_VALUE`.
 */
export function readAddress(text: string): Address {
  const plain = readPlainIpv4(text);
  if (plain !== undefined) return plain;
  if (!ipaddr.isValid(text) || (!text.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(text))) {
    throw new IptablesError("ERR_IPTABLES_VALUE", `expected an IP address, got ${JSON.stringify(text)}`, {
      path: text,
    });
  }
  const address = ipaddr.parse(text);
  const family: Family = address.kind() === "ipv4" ? "ipv4" : "ipv6";
  return {
    bytes: address.toByteArray(),
    family,
    text: address.kind() === "ipv4" ? address.toString() : canonical(text),
  };
}

function canonical(text: string): string {
  return ipaddr.IPv6.parse(text).toRFC5952String();
}

/** Reads `address/bits`, undefined when it is none; without bits, all of them. */
export function readRange(text: string): Range | undefined {
  const [base = "", bits] = text.split("/", 2);
  if (!ipaddr.isValid(base)) return undefined;
  const address = readAddress(base);
  const count = bits === undefined ? address.bytes.length * 8 : Number(bits);
  return Number.isInteger(count) && count <= address.bytes.length * 8 ? { address, bits: count } : undefined;
}

/** Whether an address lies in a range. */
export function inRange(address: Address, range: Range): boolean {
  if (address.family !== range.address.family) return false;
  let bits = range.bits;
  for (let i = 0; bits > 0; i++, bits -= 8) {
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if ((((address.bytes[i] ?? 0) ^ (range.address.bytes[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** Text of an address and port. */
export function endpointText({ address, port }: Endpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
