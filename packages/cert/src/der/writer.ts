import { Tag } from "./reader.js";

/** Joins byte strings. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Writes one element with the shortest length. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const content of contents) length += content.length;
  let octets = 0;
  if (length >= 0x80) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets++;
  const bytes = new Uint8Array(2 + octets + length);
  bytes[0] = tag;
  bytes[1] = octets === 0 ? length : 0x80 | octets;
  for (let i = octets, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) bytes[1 + i] = rest % 256;
  let at = 2 + octets;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** Writes a SEQUENCE. */
export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(Tag.sequence, ...contents);
}

/** Writes a SET; one with several members must come sorted. */
export function set(...contents: readonly Uint8Array[]): Uint8Array {
  return der(Tag.set, ...contents);
}

/** Writes a non-negative INTEGER from big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array {
  let from = 0;
  while (from < bytes.length - 1 && bytes[from] === 0) from++;
  const rest = bytes.subarray(from);
  return (rest[0] ?? 0) >= 0x80 ? der(Tag.integer, Uint8Array.of(0), rest) : der(Tag.integer, rest);
}

/** Writes a small non-negative INTEGER. */
export function integer(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return unsignedInteger(Uint8Array.from(bytes.length === 0 ? [0] : bytes));
}

/** Writes a BOOLEAN. */
export function boolean(value: boolean): Uint8Array {
  return der(Tag.boolean, Uint8Array.of(value ? 0xff : 0));
}

/** Writes an OCTET STRING. */
export function octetString(bytes: Uint8Array): Uint8Array {
  return der(Tag.octetString, bytes);
}

/** Writes a BIT STRING of whole bytes. */
export function bitString(bytes: Uint8Array): Uint8Array {
  return der(Tag.bitString, Uint8Array.of(0), bytes);
}

/** Writes a BIT STRING of named bits without trailing zeros; bit 0 is the first. */
export function namedBits(bits: readonly number[]): Uint8Array {
  const highest = Math.max(-1, ...bits);
  if (highest < 0) return der(Tag.bitString, Uint8Array.of(0));
  const bytes = new Uint8Array(1 + Math.floor(highest / 8) + 1);
  bytes[0] = 7 - (highest % 8);
  for (const bit of bits) {
    const at = 1 + Math.floor(bit / 8);
    bytes[at] = (bytes[at] ?? 0) | (0x80 >> (bit % 8));
  }
  return der(Tag.bitString, bytes);
}

const oidCache = new Map<string, Uint8Array>();

/** Writes an OBJECT IDENTIFIER from its dotted form; used with constants only, so results are kept. */
export function oid(dotted: string): Uint8Array {
  const known = oidCache.get(dotted);
  if (known) return known;
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(0x80 | (left % 128));
    bytes.push(...groups);
  }
  const written = der(Tag.oid, Uint8Array.from(bytes));
  oidCache.set(dotted, written);
  return written;
}

/** The bytes of a string whose characters are all below 256. */
export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
