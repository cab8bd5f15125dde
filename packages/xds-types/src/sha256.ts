/**
 * SHA-256 in plain JavaScript: the one of `node:crypto` is not there in browsers, and the one of browsers only answers
 * later.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6234#section-6.2
 */
export function sha256(bytes: Uint8Array): Uint8Array {
  const state = new Uint32Array(initial);
  const words = new Uint32Array(64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  for (; offset + 64 <= bytes.length; offset += 64) digestBlock(state, words, view, offset);
  const rest = bytes.length - offset;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(bytes.subarray(offset));
  tail[rest] = 0x80;
  const tailView = new DataView(tail.buffer);
  tailView.setBigUint64(tail.length - 8, BigInt(bytes.length) * 8n);
  for (offset = 0; offset < tail.length; offset += 64) digestBlock(state, words, tailView, offset);
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  for (const [index, word] of state.entries()) out.setUint32(index * 4, word);
  return digest;
}

function digestBlock(state: Uint32Array, words: Uint32Array, view: DataView, offset: number): void {
  for (let t = 0; t < 16; t++) words[t] = view.getUint32(offset + t * 4);
  for (let t = 16; t < 64; t++) {
    const before15 = words[t - 15] ?? 0;
    const before2 = words[t - 2] ?? 0;
    const small0 = rotate(before15, 7) ^ rotate(before15, 18) ^ (before15 >>> 3);
    const small1 = rotate(before2, 17) ^ rotate(before2, 19) ^ (before2 >>> 10);
    words[t] = ((words[t - 16] ?? 0) + small0 + (words[t - 7] ?? 0) + small1) | 0;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let t = 0; t < 64; t++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const first = (h + big1 + ((e & f) ^ (~e & g)) + (constants[t] ?? 0) + (words[t] ?? 0)) | 0;
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] ?? 0) + word;
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The first 64 primes: the algorithm's constants are the fractions of their roots. */
const primes: readonly number[] = [
  ...[2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107],
  ...[109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223, 227, 229],
  ...[233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311],
];

const constants: Uint32Array = new Uint32Array(primes.map((prime) => rootFraction(BigInt(prime), 3)));
const initial: Uint32Array = new Uint32Array(primes.slice(0, 8).map((prime) => rootFraction(BigInt(prime), 2)));

/** The first 32 bits of the fraction of a square or cube root, exactly: Math.cbrt may be off in its last bits. */
function rootFraction(value: bigint, degree: 2 | 3): number {
  const wanted = value << BigInt(32 * degree);
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** BigInt(degree) <= wanted) low = middle;
    else high = middle;
  }
  return Number(BigInt.asUintN(32, low));
}
