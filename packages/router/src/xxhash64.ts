const mask = 0xffffffffffffffffn;
const prime1 = 0x9e3779b185ebca87n;
const prime2 = 0xc2b2ae3d27d4eb4fn;
const prime3 = 0x165667b19e3779f9n;
const prime4 = 0x85ebca77c2b2ae63n;
const prime5 = 0x27d4eb2f165667c5n;

const rotl = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & mask;
const round = (acc: bigint, lane: bigint): bigint => (rotl((acc + lane * prime2) & mask, 31n) * prime1) & mask;
const merge = (hash: bigint, acc: bigint): bigint => ((hash ^ round(0n, acc)) * prime1 + prime4) & mask;

function lane64(text: string, at: number): bigint {
  return BigInt(lane32(text, at)) | (BigInt(lane32(text, at + 4)) << 32n);
}

function lane32(text: string, at: number): number {
  const low = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 8) | (text.charCodeAt(at + 2) << 16);
  return (low | (text.charCodeAt(at + 3) << 24)) >>> 0;
}

/**
 * xxHash64 of latin1 text, one character a byte.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/v0.8.3/doc/xxhash_spec.md
 */
export function xxHash64(text: string, seed = 0n): bigint {
  const length = text.length;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    let a = (seed + prime1 + prime2) & mask;
    let b = (seed + prime2) & mask;
    let c = seed;
    let d = (seed - prime1) & mask;
    for (; at + 32 <= length; at += 32) {
      a = round(a, lane64(text, at));
      b = round(b, lane64(text, at + 8));
      c = round(c, lane64(text, at + 16));
      d = round(d, lane64(text, at + 24));
    }
    hash = (rotl(a, 1n) + rotl(b, 7n) + rotl(c, 12n) + rotl(d, 18n)) & mask;
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  } else {
    hash = (seed + prime5) & mask;
  }
  hash = (hash + BigInt(length)) & mask;
  for (; at + 8 <= length; at += 8) hash = (rotl(hash ^ round(0n, lane64(text, at)), 27n) * prime1 + prime4) & mask;
  if (at + 4 <= length) {
    hash = (rotl(hash ^ ((BigInt(lane32(text, at)) * prime1) & mask), 23n) * prime2 + prime3) & mask;
    at += 4;
  }
  for (; at < length; at++) hash = (rotl(hash ^ ((BigInt(text.charCodeAt(at)) * prime5) & mask), 11n) * prime1) & mask;
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask;
  return hash ^ (hash >> 32n);
}
