import { formatAddress, isLoopback, type ParsedAddress, parseAddress, parsePrefix } from "./address.js";
import type { Family } from "./rule.js";

/** A range of addresses as the user gave it. */
export interface Cidr {
  /** `address/bits`; host bits are kept, IPv6 is printed canonically. */
  readonly text: string;
  /** Family of the address. */
  readonly family: Family;
  /** The address itself, not the range, is a loopback address. */
  readonly loopback: boolean;
}

/**
 * Reads `address/bits`.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_CIDR` with the wording of Go's `netip.ParsePrefix`.
 */
export function parseCidr(text: string): Cidr {
  const { address, bits } = parsePrefix(text);
  return { text: `${formatAddress(address)}/${bits}`, family: familyOf(address), loopback: isLoopback(address) };
}

/** Canonical text of one address, or undefined when the text is not an address. */
export function canonicalAddress(text: string): { readonly text: string; readonly family: Family } | undefined {
  const address = parseAddress(text);
  if (address.kind === "bad") return undefined;
  return { text: formatAddress(address), family: familyOf(address) };
}

function familyOf(address: ParsedAddress): Family {
  return address.kind === "v4" ? "ipv4" : "ipv6";
}
