const upper = /[A-Z]/;
const upperAll = /[A-Z]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the class is all of ASCII.
const onlyAscii = /^[\x00-\x7f]*$/;

/** Lower-cases A–Z and nothing else: Envoy folds ASCII, and header bytes above 0x7f must stay as they are. */
export function asciiLower(text: string): string {
  if (!upper.test(text)) return text;
  return onlyAscii.test(text) ? text.toLowerCase() : text.replaceAll(upperAll, (letter) => letter.toLowerCase());
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Spreads configured text over its UTF-8 bytes, one character a byte, as header values arrive. */
export function byteText(text: string): string {
  if (onlyAscii.test(text)) return text;
  return latin1(encoder.encode(text));
}

/** Bytes as text, one character a byte. */
export function latin1(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i += 4096) out += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return out;
}

/** The bytes that {@link latin1} text stands for. */
export function bytesOf(text: string): Uint8Array {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

/** Text that stands for bytes, read as UTF-8. */
export function utf8(text: string): string {
  return onlyAscii.test(text) ? text : decoder.decode(bytesOf(text));
}

/** Percent-decoding of a query parameter, as rate-limit actions and format strings do it and route matching does not. */
export function percentDecode(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
