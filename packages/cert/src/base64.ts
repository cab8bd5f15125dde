const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function table(alphabet: string): Int8Array {
  const values = new Int8Array(128).fill(-1);
  for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i;
  return values;
}

const VALUES = table(ALPHABET);
const URL_VALUES = table(URL_ALPHABET);

function decode(text: string, length: number, values: Int8Array): Uint8Array | undefined {
  const rest = length % 4;
  if (rest === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (values[code] ?? -1) : -1;
    if (value < 0) return undefined;
    bits = (bits << 6) | value;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[at++] = (bits >> held) & 0xff;
      bits &= (1 << held) - 1;
    }
  }
  // Bits that belong to no byte must be zero, or one value would have many spellings.
  return bits === 0 ? bytes : undefined;
}

/** Decodes base64 with its padding and nothing else in it; `undefined` if it is something else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return decode(text, text.length - padding, VALUES);
}

/** Decodes base64url without padding, as JOSE writes it; `undefined` if it is something else. */
export function decodeBase64Url(text: string): Uint8Array | undefined {
  return decode(text, text.length, URL_VALUES);
}

/** Bytes as a string of as many characters, in pieces that are short enough to be arguments. */
function binary(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}

/** Encodes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return btoa(binary(bytes));
}

/** Encodes as base64url without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
