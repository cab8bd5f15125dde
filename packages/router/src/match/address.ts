import type { CidrRange } from "@weftmesh/xds-types/envoy/config/core/v3";
import ipaddr from "ipaddr.js";
import type { Scope } from "../scope.js";

/** An address as 16 bytes and its family, so that IPv4 and IPv6 never mix. */
export interface Address {
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
}

const dotted = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Reads an IP address without port; `undefined` if it is none. An IPv6 zone is dropped. */
export function parseAddress(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  const four = dotted.exec(text);
  if (four !== null) {
    const bytes = [Number(four[1]), Number(four[2]), Number(four[3]), Number(four[4])];
    return bytes.every((byte) => byte < 256) ? { family: 4, bytes } : undefined;
  }
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  return { family: 6, bytes: ipaddr.IPv6.parse(text).toByteArray() };
}

/** A range of addresses. */
export interface Range {
  readonly family: 4 | 6;
  /** First address, host bits cleared. */
  readonly bytes: readonly number[];
  /** Length of the prefix in bits. */
  readonly length: number;
}

/** Reads a CidrRange; Envoy cuts a length that is too long, and takes none as 0. */
export function compileRange(range: CidrRange, scope: Scope): Range | undefined {
  const address = parseAddress(range.addressPrefix);
  if (address === undefined) {
    const got = JSON.stringify(range.addressPrefix ?? "");
    scope.field("address_prefix").report("ERR_ROUTER_ADDRESS_INVALID", `expected an IP address, got ${got}`);
    return undefined;
  }
  const length = Math.min(range.prefixLen ?? 0, address.bytes.length * 8);
  return { family: address.family, bytes: masked(address.bytes, length), length };
}

/** The first `length` bits, the rest cleared. */
export function masked(bytes: readonly number[], length: number): readonly number[] {
  return bytes.map((byte, i) => {
    const bits = Math.min(8, Math.max(0, length - i * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

/** Whether an address lies in a range. */
export function inRange(address: Address, range: Range): boolean {
  if (address.family !== range.family) return false;
  const whole = range.length >> 3;
  for (let i = 0; i < whole; i++) if (address.bytes[i] !== range.bytes[i]) return false;
  const bits = range.length & 7;
  if (bits === 0) return true;
  const mask = (0xff << (8 - bits)) & 0xff;
  return ((address.bytes[whole] as number) & mask) === range.bytes[whole];
}

/** A set of ranges. */
export interface Ranges {
  /** Whether any range holds the address. */
  contains(address: Address | undefined): boolean;
  /** The same for an address as text; text that is no address is in no range. */
  containsText(text: string | undefined): boolean;
}

/** Reads a repeated CidrRange field. */
export function compileRanges(ranges: readonly CidrRange[], field: string, scope: Scope): Ranges {
  const list = ranges
    .map((range, i) => compileRange(range, scope.item(field, i)))
    .filter((range) => range !== undefined);
  const contains = (address: Address | undefined): boolean =>
    address !== undefined && list.some((range) => inRange(address, range));
  return { contains, containsText: (text) => contains(parseAddress(text)) };
}
