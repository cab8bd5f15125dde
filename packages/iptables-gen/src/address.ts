import { IptablesError } from "./errors.js";
import { goQuote } from "./go-text.js";

/** An address read from text; IPv6 has its zone, an address that is none has the reason. */
export type ParsedAddress =
  | { readonly kind: "v4"; readonly bytes: readonly number[] }
  | { readonly kind: "v6"; readonly bytes: readonly number[]; readonly zone: string };

/** Why text is not an address, worded as Go's `netip.ParseAddr` words it. */
export interface BadAddress {
  readonly kind: "bad";
  readonly message: string;
}

/** Go's `netip.ParseAddr`: no leading zeros, zones kept, an embedded IPv4 tail allowed. */
export function parseAddress(text: string): ParsedAddress | BadAddress {
  const separator = /[.:%]/.exec(text)?.[0];
  if (separator === ".") return parseV4(text);
  if (separator === ":") return parseV6(text);
  return bad(text, separator === "%" ? "missing IPv6 address" : "unable to parse IP");
}

/**
 * Go's `netip.ParsePrefix`.
 *
 * @throws {@link IptablesError} `ERR_IPTABLES_CIDR`.
 */
export function parsePrefix(text: string): { readonly address: ParsedAddress; readonly bits: number } {
  const refuse = (message: string): IptablesError =>
    new IptablesError("ERR_IPTABLES_CIDR", `netip.ParsePrefix(${goQuote(text)}): ${message}`);
  const slash = text.lastIndexOf("/");
  if (slash < 0) throw refuse("no '/'");
  const address = parseAddress(text.slice(0, slash));
  if (address.kind === "bad") throw refuse(address.message);
  if (address.kind === "v6" && address.zone !== "") throw refuse("IPv6 zones cannot be present in a prefix");
  const digits = text.slice(slash + 1);
  if (!/^(?:[0-9]|[1-9][0-9]{1,18})$/.test(digits)) throw refuse(`bad bits after slash: ${goQuote(digits)}`);
  const bits = Number(digits);
  if (bits > (address.kind === "v4" ? 32 : 128)) throw refuse("prefix length out of range");
  return { address, bits };
}

/** Canonical text: RFC 5952, a mapped IPv4 address as `::ffff:1.2.3.4`. */
export function formatAddress(address: ParsedAddress): string {
  if (address.kind === "v4") return address.bytes.join(".");
  const zone = address.zone === "" ? "" : `%${address.zone}`;
  const mapped = mappedV4(address.bytes);
  if (mapped !== undefined) return `::ffff:${mapped.join(".")}${zone}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((address.bytes[i] ?? 0) << 8) | (address.bytes[i + 1] ?? 0));
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return `${hex.join(":")}${zone}`;
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}${zone}`;
}

/** Go's `Addr.IsLoopback`: 127/8 (mapped into IPv6 too) and exactly `::1`. */
export function isLoopback(address: ParsedAddress): boolean {
  const v4 = unmap(address);
  if (v4 !== undefined) return v4[0] === 127;
  return address.bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** Unicast or multicast addresses that mean nothing beyond the link: 169.254/16, 224.0.0/24, fe80::/10, ff02::/16. */
export function isLinkLocal(address: ParsedAddress): boolean {
  const v4 = unmap(address);
  if (v4 !== undefined) {
    return (v4[0] === 169 && v4[1] === 254) || (v4[0] === 224 && v4[1] === 0 && v4[2] === 0);
  }
  const [first = 0, second = 0] = address.bytes;
  return (first === 0xfe && (second & 0xc0) === 0x80) || (first === 0xff && (second & 0x0f) === 0x02);
}

/** The four bytes of an IPv4 address, also of one mapped into IPv6; undefined for any other. */
export function unmap(address: ParsedAddress): readonly number[] | undefined {
  return address.kind === "v4" ? address.bytes : mappedV4(address.bytes);
}

function mappedV4(bytes: readonly number[]): readonly number[] | undefined {
  const mapped = bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
  return mapped ? bytes.slice(12) : undefined;
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

function bad(text: string, message: string, at = ""): BadAddress {
  return { kind: "bad", message: `ParseAddr(${goQuote(text)}): ${message}${at === "" ? "" : ` (at ${goQuote(at)})`}` };
}

function parseV4(text: string): ParsedAddress | BadAddress {
  const bytes = parseV4Fields(text, text);
  return Array.isArray(bytes) ? { kind: "v4", bytes } : (bytes as BadAddress);
}

/** `whole` is what a message quotes; `text` is the dotted part of it. */
function parseV4Fields(whole: string, text: string): number[] | BadAddress {
  const fields: number[] = [];
  let value = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char >= "0" && char <= "9") {
      if (digits === 1 && value === 0) return bad(whole, "IPv4 field has octet with leading zero");
      value = value * 10 + Number(char);
      digits++;
      if (value > 255) return bad(whole, "IPv4 field has value >255");
    } else if (char === ".") {
      if (i === 0 || i === text.length - 1 || text[i - 1] === ".") {
        return bad(whole, "IPv4 field must have at least one digit", text.slice(i));
      }
      if (fields.length === 3) return bad(whole, "IPv4 address too long");
      fields.push(value);
      value = 0;
      digits = 0;
    } else {
      return bad(whole, "unexpected character", text.slice(i));
    }
  }
  if (fields.length < 3) return bad(whole, "IPv4 address too short");
  fields.push(value);
  return fields;
}

function parseV6(text: string): ParsedAddress | BadAddress {
  const percent = text.indexOf("%");
  const zone = percent < 0 ? "" : text.slice(percent + 1);
  if (percent >= 0 && zone === "") return bad(text, "zone must be a non-empty string");
  let rest = percent < 0 ? text : text.slice(0, percent);
  const bytes: number[] = [];
  let ellipsis = -1;
  if (rest.startsWith("::")) {
    ellipsis = 0;
    rest = rest.slice(2);
  }
  while (bytes.length < 16 && !(rest === "" && ellipsis === bytes.length)) {
    const hex = /^[0-9a-fA-F]*/.exec(rest)?.[0] ?? "";
    if (hex.length > 4) return bad(text, "each group must have 4 or less digits", rest);
    if (hex === "") return bad(text, "each colon-separated field must have at least one digit", rest);
    if (rest[hex.length] === ".") {
      if (ellipsis < 0 && bytes.length !== 12) {
        return bad(text, "embedded IPv4 address must replace the final 2 fields of the address", rest);
      }
      if (bytes.length > 12) {
        return bad(text, "too many hex fields to fit an embedded IPv4 at the end of the address", rest);
      }
      const tail = parseV4Fields(text, rest);
      if (!Array.isArray(tail)) return tail;
      bytes.push(...tail);
      rest = "";
      break;
    }
    const group = Number.parseInt(hex, 16);
    bytes.push(group >> 8, group & 0xff);
    rest = rest.slice(hex.length);
    if (rest === "") break;
    if (!rest.startsWith(":")) return bad(text, "unexpected character, want colon", rest);
    if (rest.length === 1) return bad(text, "colon must be followed by more characters", rest);
    rest = rest.slice(1);
    if (rest.startsWith(":")) {
      if (ellipsis >= 0) return bad(text, "multiple :: in address", rest);
      ellipsis = bytes.length;
      rest = rest.slice(1);
    }
  }
  if (rest !== "") return bad(text, "trailing garbage after address", rest);
  if (bytes.length < 16) {
    if (ellipsis < 0) return bad(text, "address string too short");
    bytes.splice(ellipsis, 0, ...new Array<number>(16 - bytes.length).fill(0));
  } else if (ellipsis >= 0) {
    return bad(text, "the :: must expand to at least one field of zeros");
  }
  return { kind: "v6", bytes, zone };
}
