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

function codes(alphabet: string): Uint8Array {
  return Uint8Array.from(alphabet, (character) => character.charCodeAt(0));
}

const CODES = codes(ALPHABET);
const URL_CODES = codes(URL_ALPHABET);
const PADDING = 0x3d;
const ascii = new TextDecoder("latin1");

/** Writes characters into an array that is then read as text: twice as fast as `btoa` over a text of the bytes. */
function encode(bytes: Uint8Array, alphabet: Uint8Array, padded: boolean): string {
  const { length } = bytes;
  const rest = length % 3;
  const full = length - rest;
  const out = new Uint8Array(padded ? Math.ceil(length / 3) * 4 : Math.ceil((length * 4) / 3));
  let at = 0;
  const put = (index: number): void => {
    out[at++] = alphabet[index & 63] as number;
  };
  for (let i = 0; i < full; i += 3) {
    const three = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    put(three >> 18);
    put(three >> 12);
    put(three >> 6);
    put(three);
  }
  if (rest > 0) {
    const last = ((bytes[full] as number) << 16) | ((rest === 2 ? (bytes[full + 1] as number) : 0) << 8);
    put(last >> 18);
    put(last >> 12);
    if (rest === 2) put(last >> 6);
    while (at < out.length) out[at++] = PADDING;
  }
  return ascii.decode(out);
}

/** Encodes as base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  return encode(bytes, CODES, true);
}

/** Encodes as base64url without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encode(bytes, URL_CODES, false);
}
